using System.Buffers;
using System.Buffers.Binary;
using System.IO.Pipelines;
using ElasticEp.Protocol;
using ElasticEp.Rendezvous;

namespace ElasticEp.Transports.Tcp.Store;

/// <summary>
/// One client of the store server. Requests are answered in the reading loop, one flush for all that came together; waits and
/// watches are answered when there is something to say, and end with the connection.
/// </summary>
internal sealed partial class StoreSession(InMemoryRendezvousStore store, StoreLeases leases, StoreFile? file, Stream stream)
{
    /// <summary>Waits and watches that one client may have open.</summary>
    public const int MaxOpen = 4096;

    private readonly char[] _key = new char[256]; // of the request that is being handled
    private readonly StoreOutput _output = new(stream, Durable(file, stream));
    private readonly Dictionary<uint, CancellationTokenSource> _open = [];
    private readonly CancellationTokenSource _ended = new();

    /// <summary>Waits and watches that are open now.</summary>
    public int Open
    {
        get
        {
            lock (_open)
                return _open.Count;
        }
    }

    /// <summary>Serves until the client has gone.</summary>
    /// <exception cref="ElasticEpException"><see cref="ElasticEpErrorCode.ProtocolViolation"/>: the client broke the protocol.</exception>
    public async Task RunAsync(CancellationToken stopped)
    {
        await using var stopping = stopped.UnsafeRegister(static stream => ((Stream)stream!).Dispose(), stream); // ends a send that waits, too
        var reader = PipeReader.Create(stream, new StreamPipeReaderOptions(bufferSize: 16 << 10, leaveOpen: true));
        try
        {
            while (true)
            {
                var result = await reader.ReadAsync(stopped).ConfigureAwait(false);
                var buffer = result.Buffer;
                while (StoreProtocol.TryTake(ref buffer, StoreProtocol.MaxRequest, out var frame))
                {
                    Handle(frame);
                    if (file is { IsBehind: true })
                        await file.WhenDurableAsync().ConfigureAwait(false); // writes come faster than the device takes them
                    if (_output.IsFull) // many answers to one batch: its client has to take some first
                        await _output.FlushAsync().ConfigureAwait(false);
                }

                reader.AdvanceTo(buffer.Start, buffer.End);
                await _output.FlushAsync().ConfigureAwait(false);
                if (result.IsCompleted)
                    return;
            }
        }
        catch (Exception exception) when (exception is IOException or OperationCanceledException or ObjectDisposedException)
        {
            // gone
        }
        finally
        {
            _output.Close();
            await _ended.CancelAsync().ConfigureAwait(false);
            await reader.CompleteAsync().ConfigureAwait(false);
        }
    }

    /// <summary>
    /// Nothing is sent before the file has what it tells of, reads and watches included. When the file fails the client is cut off; one
    /// that comes later is only ever refused, which needs no file.
    /// </summary>
    private static Func<ValueTask>? Durable(StoreFile? file, Stream stream)
    {
        return file is { HasFailed: false } ? WaitAsync : null;

        async ValueTask WaitAsync()
        {
            try
            {
                await file.WhenDurableAsync().ConfigureAwait(false);
            }
            catch (IOException)
            {
                await stream.DisposeAsync().ConfigureAwait(false);
                throw;
            }
        }
    }

    private void Handle(in ReadOnlySequence<byte> frame)
    {
        if (frame.IsSingleSegment)
        {
            Handle(frame.FirstSpan);
            return;
        }

        var whole = ArrayPool<byte>.Shared.Rent((int)frame.Length);
        try
        {
            frame.CopyTo(whole);
            Handle(whole.AsSpan(0, (int)frame.Length));
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(whole);
        }
    }

    private void Handle(ReadOnlySpan<byte> frame)
    {
        var number = BinaryPrimitives.ReadUInt32LittleEndian(frame);
        var operation = (StoreOperation)frame[4];
        var body = frame[(StoreProtocol.HeadSize - sizeof(int))..];
        try
        {
            Handle(number, operation, body);
        }
        catch (ElasticEpException refused) when (refused.Code != ElasticEpErrorCode.ProtocolViolation)
        {
            Refuse(number, refused);
        }
    }

    private void Handle(uint number, StoreOperation operation, ReadOnlySpan<byte> body)
    {
        switch (operation)
        {
            case StoreOperation.Get:
                Answer(number, store.Get(StoreProtocol.ReadKey(ref body, _key)));
                break;
            case StoreOperation.Set:
                var lease = StoreProtocol.ReadLong(ref body);
                var key = StoreProtocol.ReadKey(ref body, _key);
                Answer(number, store.Set(key, Value(body), lease == 0 ? null : leases.Find(lease)));
                break;
            case StoreOperation.Add:
                var delta = StoreProtocol.ReadLong(ref body);
                Answer(number, store.Add(StoreProtocol.ReadKey(ref body, _key), delta));
                break;
            case StoreOperation.CompareAndSet:
                var expected = StoreProtocol.ReadLong(ref body);
                var outcome = store.CompareAndSet(StoreProtocol.ReadKey(ref body, _key), expected, Value(body));
                Answer(number, outcome.Current, outcome.IsSet ? (byte)3 : (byte)1);
                break;
            case StoreOperation.Delete:
                Answer(number, store.Delete(StoreProtocol.ReadKey(ref body, _key)) ? 1 : 0);
                break;
            case StoreOperation.List:
                AnswerList(number, store.List(StoreProtocol.ReadKey(ref body)));
                break;
            case StoreOperation.Wait:
                var after = StoreProtocol.ReadLong(ref body);
                _ = WaitAsync(number, StoreProtocol.ReadKey(ref body), after, Begin(number));
                break;
            case StoreOperation.Watch:
                _ = WatchAsync(number, StoreProtocol.ReadKey(ref body), Begin(number));
                break;
            case StoreOperation.Cancel:
                End((uint)StoreProtocol.ReadInt(ref body));
                break;
            case StoreOperation.Lease:
                Answer(number, leases.Add(TimeSpan.FromTicks(StoreProtocol.ReadLong(ref body))));
                break;
            case StoreOperation.Renew:
                leases.Find(StoreProtocol.ReadLong(ref body)).Renew();
                Answer(number, 0);
                break;
            case StoreOperation.EndLease:
                leases.End(StoreProtocol.ReadLong(ref body));
                Answer(number, 0);
                break;
            default:
                throw WireReader.Malformed($"operation {(byte)operation} is not known");
        }
    }

    private static byte[] Value(ReadOnlySpan<byte> body) => body.Length <= StoreProtocol.MaxValue
        ? body.ToArray()
        : throw new ElasticEpException(ElasticEpErrorCode.InvalidArgument, $"A value has at most {StoreProtocol.MaxValue} bytes, this one has {body.Length}.");

    private CancellationToken Begin(uint number)
    {
        lock (_open)
        {
            if (_open.Count >= MaxOpen)
                throw new ElasticEpException(ElasticEpErrorCode.InvalidState, $"This client has {MaxOpen} waits and watches open; end some.");
            var source = CancellationTokenSource.CreateLinkedTokenSource(_ended.Token);
            return _open.TryAdd(number, source) ? source.Token : throw WireReader.Malformed($"request {number} is under way already");
        }
    }

    private void End(uint number)
    {
        CancellationTokenSource? source;
        lock (_open)
            _open.Remove(number, out source);
        source?.Cancel();
        source?.Dispose();
    }

    private async Task WaitAsync(uint number, string key, long after, CancellationToken cancelled)
    {
        try
        {
            var entry = await store.WaitAsync(key, after, cancelled).ConfigureAwait(false);
            WriteEntry(number, StoreStatus.Ok, entry, 1);
        }
        catch (ElasticEpException refused)
        {
            Refuse(number, refused);
        }
        catch (OperationCanceledException)
        {
            return; // nobody waits any more
        }

        End(number);
        _ = _output.FlushAsync();
    }

    private async Task WatchAsync(uint number, string prefix, CancellationToken cancelled)
    {
        try
        {
            await foreach (var change in store.WatchAsync(prefix, cancelled).ConfigureAwait(false))
            {
                WriteChange(number, change);
                _ = _output.FlushAsync();
                await _output.WhenBelowAsync(cancelled).ConfigureAwait(false);
            }
        }
        catch (ElasticEpException refused)
        {
            Refuse(number, refused);
            _ = _output.FlushAsync();
        }
        catch (OperationCanceledException)
        {
            return;
        }

        End(number);
    }
}
