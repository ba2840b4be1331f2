using System.Threading.Tasks.Sources;

namespace ElasticEp.Transports.Tcp.Store;

/// <summary>
/// One request that waits for its answer. The answer is read on the connection's loop, where its bytes are, by
/// <paramref name="decode"/>; the caller goes on elsewhere.
/// </summary>
/// <typeparam name="T">What the answer is.</typeparam>
internal sealed class StoreCall<T>(StoreCall<T>.Decoder decode) : IStoreCall, IValueTaskSource<T>
{
    private ManualResetValueTaskSourceCore<T> _core = new() { RunContinuationsAsynchronously = true };
    private int _isDone;

    /// <summary>Reads the body of an answer.</summary>
    public delegate T Decoder(ReadOnlySpan<byte> body);

    public ValueTask<T> Task => new(this, _core.Version);

    public bool Answer(StoreStatus status, ReadOnlySpan<byte> body)
    {
        if (status == StoreStatus.Refused)
        {
            Fail(StoreAnswers.Refusal(body));
            return true;
        }

        var answer = decode(body);
        if (Interlocked.Exchange(ref _isDone, 1) == 0)
            _core.SetResult(answer);
        return true;
    }

    public void Fail(Exception reason)
    {
        if (Interlocked.Exchange(ref _isDone, 1) == 0)
            _core.SetException(reason);
    }

    T IValueTaskSource<T>.GetResult(short token) => _core.GetResult(token);

    ValueTaskSourceStatus IValueTaskSource<T>.GetStatus(short token) => _core.GetStatus(token);

    void IValueTaskSource<T>.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _core.OnCompleted(continuation, state, token, flags);
}
