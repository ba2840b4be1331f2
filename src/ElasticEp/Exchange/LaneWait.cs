using System.Threading.Tasks.Sources;

namespace ElasticEp.Exchange;

/// <summary>A wait of one lane for frames. Reused; its owner calls it under the exchange's lock.</summary>
internal sealed class LaneWait : IValueTaskSource
{
    private ManualResetValueTaskSourceCore<bool> _source = new() { RunContinuationsAsynchronously = true };

    public bool IsWaiting { get; private set; }

    public ValueTask Begin()
    {
        _source.Reset();
        IsWaiting = true;
        return new ValueTask(this, _source.Version);
    }

    public void Complete()
    {
        if (!IsWaiting)
            return;
        IsWaiting = false;
        _source.SetResult(true);
    }

    public void Fail(Exception reason)
    {
        if (!IsWaiting)
            return;
        IsWaiting = false;
        _source.SetException(reason);
    }

    void IValueTaskSource.GetResult(short token) => _source.GetResult(token);

    ValueTaskSourceStatus IValueTaskSource.GetStatus(short token) => _source.GetStatus(token);

    void IValueTaskSource.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _source.OnCompleted(continuation, state, token, flags);
}
