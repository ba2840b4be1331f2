using System.Buffers;
using System.Buffers.Binary;
using ElasticEp.Transports.Tcp.Connecting;

namespace ElasticEp.Transports.Tcp.Store;

/// <summary>Requests: open the connection, send, wait for the answer or the deadline.</summary>
internal sealed partial class TcpRendezvousStore
{
    private async ValueTask<T> CallAsync<T>(StoreOperation operation, long? number, string? key, ReadOnlyMemory<byte> value, StoreCall<T>.Decoder decode, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var connection = _connection is { IsOpen: true } open ? open : await OpenAsync(cancellationToken).ConfigureAwait(false);
        var (call, received) = (new StoreCall<T>(decode), connection.Received);
        var request = Send(connection, operation, number, key, value.Span, call);
        var answer = call.Task;
        if (answer.IsCompleted)
            return await answer.ConfigureAwait(false);

        // A wait has no deadline of its own.
        var isOpenEnded = operation == StoreOperation.Wait;
        using var cancel = cancellationToken.UnsafeRegister(static (state, token) => ((IStoreCall)state!).Fail(new OperationCanceledException(token)), call);
        await using var deadline = isOpenEnded ? null : _time.CreateTimer(static state => ((IStoreCall)state!).Fail(new StoreLateException()), call, _timeout, Timeout.InfiniteTimeSpan);
        try
        {
            return await answer.ConfigureAwait(false);
        }
        catch (StoreLateException)
        {
            connection.Forget(request, isNotified: false);
            if (connection.Received == received)
                connection.End(Late()); // it has gone dark: the next call dials anew, and watches begin again
            throw Late();
        }
        catch
        {
            connection.Forget(request, isOpenEnded); // cancelled; otherwise it is forgotten already
            throw;
        }
    }

    private static uint Send(StoreConnection connection, StoreOperation operation, long? number, string? key, ReadOnlySpan<byte> value, IStoreCall call)
    {
        var head = ArrayPool<byte>.Shared.Rent(sizeof(long) + (key is null ? 0 : StoreProtocol.KeySize(key)));
        try
        {
            var length = 0;
            if (number is { } given)
            {
                BinaryPrimitives.WriteInt64LittleEndian(head, given);
                length = sizeof(long);
            }

            if (key is not null)
                length += StoreProtocol.WriteKey(head.AsSpan(length), key);
            return connection.Send(operation, head.AsSpan(0, length), value, call);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(head);
        }
    }

    /// <summary>The open connection, or a new one: all callers wait for the same dial, and share its failure.</summary>
    private async ValueTask<StoreConnection> OpenAsync(CancellationToken cancellationToken)
    {
        ThrowIfDisposed();
        Task<StoreConnection> dial;
        lock (_dialing)
        {
            if (_connection is { IsOpen: true } present)
                return present;
            dial = _dial is { IsCompleted: false } running ? running : _dial = Task.Run(DialAsync, CancellationToken.None);
        }

        return await dial.WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    private async Task<StoreConnection> DialAsync()
    {
        using var deadline = new CancellationTokenSource(_timeout, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, _disposed.Token);
        try
        {
            var address = await _address(either.Token).ConfigureAwait(false);
            var opened = new StoreConnection(await _dialer.DialAsync(address, LinkPurpose.Store, either.Token).ConfigureAwait(false));
            _connection = opened;
            if (_disposed.IsCancellationRequested)
                opened.End(Disposed());
            return opened;
        }
        catch (ElasticEpException exception) when (exception.Code != ElasticEpErrorCode.StoreUnavailable)
        {
            throw new ElasticEpException(ElasticEpErrorCode.StoreUnavailable, $"The store cannot be reached. {exception.Message}", exception);
        }
        catch (OperationCanceledException)
        {
            throw _disposed.IsCancellationRequested
                ? Disposed()
                : new ElasticEpException(ElasticEpErrorCode.StoreUnavailable, $"The store cannot be reached: there was no answer within {_timeout} (StoreTimeout).");
        }
    }

    private void ThrowIfDisposed()
    {
        if (_disposed.IsCancellationRequested)
            throw Disposed();
    }

    private static ElasticEpException Late() =>
        new(ElasticEpErrorCode.StoreUnavailable, "The store did not answer in time (StoreTimeout). What was asked may have been done or not.");

    private static ElasticEpException Disposed() => new(ElasticEpErrorCode.StoreUnavailable, "The store client was disposed.");

    private static async ValueTask Ignore(ValueTask<long> call) => await call.ConfigureAwait(false);

    private static void Check(string key)
    {
        ArgumentNullException.ThrowIfNull(key);
        if (key.Length is 0 or > StoreProtocol.MaxKey)
            throw new ElasticEpException(ElasticEpErrorCode.InvalidArgument, $"A key has 1 to {StoreProtocol.MaxKey} characters, this one has {key.Length}.");
    }

    private static void CheckValue(ReadOnlyMemory<byte> value)
    {
        if (value.Length > StoreProtocol.MaxValue)
            throw new ElasticEpException(ElasticEpErrorCode.InvalidArgument, $"A value has at most {StoreProtocol.MaxValue} bytes, this one has {value.Length}.");
    }
}
