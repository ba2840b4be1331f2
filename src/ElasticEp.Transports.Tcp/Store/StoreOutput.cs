using System.Buffers;
using System.IO.Pipelines;

namespace ElasticEp.Transports.Tcp.Store;

/// <summary>
/// The writing side of a store connection, shared by everybody who answers or asks on it. Whoever flushes an idle output sends on
/// its own thread; what is written meanwhile goes out together.
/// </summary>
internal sealed class StoreOutput
{
    /// <summary>Bytes that may wait to be sent before the writer is asked to wait.</summary>
    public const int PauseAt = 1 << 20;

    /// <summary>Bytes that may wait in all; a reader that is so far behind is cut off.</summary>
    public const long MaxWaiting = 4L * StoreProtocol.MaxValue;

    private readonly Lock _lock = new();
    private readonly Stream _stream;
    private readonly Pipe _pipe = new(new PipeOptions(readerScheduler: PipeScheduler.Inline, writerScheduler: PipeScheduler.ThreadPool, pauseWriterThreshold: PauseAt, resumeWriterThreshold: PauseAt / 2, useSynchronizationContext: false));
    private readonly Func<ValueTask>? _ready;
    private readonly Task _sending;
    private TaskCompletionSource _drained = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _waiting;
    private bool _isClosed;

    /// <param name="stream">Where it goes.</param>
    /// <param name="ready">Awaited before anything that was written up to then is sent; when it throws, nothing more is.</param>
    public StoreOutput(Stream stream, Func<ValueTask>? ready = null)
    {
        _ready = ready;
        _stream = stream;
        _sending = SendAsync();
    }

    /// <summary>Completes when nothing is sent any more.</summary>
    public Task Ended => _sending;

    /// <summary>Whether so much waits to be sent that the writer should wait.</summary>
    public bool IsFull
    {
        get
        {
            lock (_lock)
                return _waiting >= PauseAt;
        }
    }

    /// <summary>Appends one frame; <see cref="FlushAsync"/> sends it.</summary>
    /// <returns>False when the connection is over or too much waits.</returns>
    public bool TryWrite(uint number, byte kind, ReadOnlySpan<byte> first, ReadOnlySpan<byte> second = default)
    {
        lock (_lock)
        {
            if (_isClosed || _waiting > MaxWaiting)
                return false;
            var head = _pipe.Writer.GetSpan(StoreProtocol.HeadSize);
            StoreProtocol.WriteHead(head, first.Length + second.Length, number, kind);
            _pipe.Writer.Advance(StoreProtocol.HeadSize);
            _pipe.Writer.Write(first);
            _pipe.Writer.Write(second);
            _waiting += StoreProtocol.HeadSize + first.Length + second.Length;
            return true;
        }
    }

    /// <summary>Sends what was written. The task is done at once unless too much waits; only one caller may await it.</summary>
    public ValueTask<FlushResult> FlushAsync()
    {
        lock (_lock)
            return _isClosed ? default : _pipe.Writer.FlushAsync();
    }

    /// <summary>Waits until not much waits to be sent; any number of callers.</summary>
    public async ValueTask WhenBelowAsync(CancellationToken cancellationToken)
    {
        Task drained;
        lock (_lock)
        {
            if (_isClosed || _waiting < PauseAt)
                return;
            drained = _drained.Task;
        }

        await drained.WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Nothing more is sent.</summary>
    public void Close()
    {
        lock (_lock)
        {
            if (_isClosed)
                return;
            _isClosed = true;
            _drained.TrySetResult();
            _pipe.Writer.Complete();
            _pipe.Reader.CancelPendingRead();
        }
    }

    private void Sent(long bytes)
    {
        lock (_lock)
        {
            var wasFull = _waiting >= PauseAt;
            _waiting -= bytes;
            if (!wasFull || _waiting >= PauseAt)
                return;
            _drained.TrySetResult();
            _drained = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        }
    }

    private async Task SendAsync()
    {
        try
        {
            while (true)
            {
                var result = await _pipe.Reader.ReadAsync().ConfigureAwait(false);
                if (_ready is not null)
                    await _ready().ConfigureAwait(false);
                foreach (var segment in result.Buffer)
                    await _stream.WriteAsync(segment).ConfigureAwait(false);
                Sent(result.Buffer.Length);
                _pipe.Reader.AdvanceTo(result.Buffer.End);
                if (result.IsCompleted || result.IsCanceled)
                    break;
            }
        }
        catch (Exception exception) when (exception is IOException or ObjectDisposedException or System.Net.Sockets.SocketException)
        {
            // the reading side tells
        }

        await _pipe.Reader.CompleteAsync().ConfigureAwait(false);
        Close();
    }
}
