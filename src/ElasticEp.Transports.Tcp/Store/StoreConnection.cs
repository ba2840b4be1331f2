using System.Buffers;
using System.Buffers.Binary;
using System.IO.Pipelines;
using ElasticEp.Transports.Tcp.Connecting;

namespace ElasticEp.Transports.Tcp.Store;

/// <summary>One connection of a client to the store server. It ends once; every request that is open then fails.</summary>
internal sealed class StoreConnection
{
    private readonly ProvedConnection _socket;
    private readonly StoreOutput _output;
    private readonly Dictionary<uint, IStoreCall> _calls = [];
    private uint _numbers;
    private long _received;
    private Exception? _end;

    public StoreConnection(ProvedConnection socket)
    {
        _socket = socket;
        _output = new StoreOutput(socket.Stream);
        _ = ReadAsync();
    }

    /// <summary>Whether requests can still be sent.</summary>
    public bool IsOpen
    {
        get
        {
            lock (_calls)
                return _end is null;
        }
    }

    /// <summary>How often bytes have come in.</summary>
    public long Received => Volatile.Read(ref _received);

    /// <summary>Sends a request; its answers go to <paramref name="call"/>, or it fails.</summary>
    /// <returns>Number of the request.</returns>
    public uint Send(StoreOperation operation, ReadOnlySpan<byte> first, ReadOnlySpan<byte> second, IStoreCall call)
    {
        uint number;
        lock (_calls)
        {
            number = ++_numbers;
            if (_end is not null)
            {
                call.Fail(_end);
                return number;
            }

            _calls.Add(number, call);
        }

        if (_output.TryWrite(number, (byte)operation, first, second))
            _ = _output.FlushAsync();
        else
            End(Unavailable("requests are not taken any more"));
        return number;
    }

    /// <summary>Nobody waits for the answer any more.</summary>
    /// <param name="number">The request.</param>
    /// <param name="isNotified">Whether the server would otherwise keep it open: a wait or a watch.</param>
    public void Forget(uint number, bool isNotified)
    {
        lock (_calls)
        {
            if (!_calls.Remove(number) || _end is not null || !isNotified)
                return;
        }

        Span<byte> body = stackalloc byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32LittleEndian(body, number);
        if (_output.TryWrite(0, (byte)StoreOperation.Cancel, body))
            _ = _output.FlushAsync();
    }

    public void End(Exception reason)
    {
        IStoreCall[] calls;
        lock (_calls)
        {
            if (_end is not null)
                return;
            _end = reason;
            calls = [.. _calls.Values];
            _calls.Clear();
        }

        _output.Close();
        _socket.Dispose();
        foreach (var call in calls)
            call.Fail(reason);
    }

    private async Task ReadAsync()
    {
        var reader = PipeReader.Create(_socket.Stream, new StreamPipeReaderOptions(bufferSize: 16 << 10, leaveOpen: true));
        Exception reason;
        try
        {
            while (true)
            {
                var result = await reader.ReadAsync().ConfigureAwait(false);
                var buffer = result.Buffer;
                Interlocked.Increment(ref _received);
                while (StoreProtocol.TryTake(ref buffer, int.MaxValue, out var frame))
                    Handle(frame);
                reader.AdvanceTo(buffer.Start, buffer.End);
                if (!result.IsCompleted)
                    continue;
                reason = Unavailable("the store has closed the connection");
                break;
            }
        }
        catch (Exception exception)
        {
            reason = Unavailable(exception.Message, exception);
        }

        await reader.CompleteAsync().ConfigureAwait(false);
        End(reason);
    }

    private void Handle(in ReadOnlySequence<byte> frame)
    {
        var rented = frame.IsSingleSegment ? null : ArrayPool<byte>.Shared.Rent((int)frame.Length);
        try
        {
            if (rented is not null)
                frame.CopyTo(rented);
            Handle(rented is null ? frame.FirstSpan : rented.AsSpan(0, (int)frame.Length));
        }
        finally
        {
            if (rented is not null)
                ArrayPool<byte>.Shared.Return(rented);
        }
    }

    private void Handle(ReadOnlySpan<byte> frame)
    {
        var number = BinaryPrimitives.ReadUInt32LittleEndian(frame);
        IStoreCall? call;
        lock (_calls)
            _calls.TryGetValue(number, out call);
        if (call is null || !call.Answer((StoreStatus)frame[4], frame[(StoreProtocol.HeadSize - sizeof(int))..]))
            return;
        lock (_calls)
            _calls.Remove(number);
    }

    private static ElasticEpException Unavailable(string why, Exception? cause = null) =>
        new(ElasticEpErrorCode.StoreUnavailable, $"The store cannot be reached: {why}. What was asked may have been done or not.", cause);
}
