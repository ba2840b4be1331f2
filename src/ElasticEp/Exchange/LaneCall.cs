using System.Threading.Tasks.Sources;

namespace ElasticEp.Exchange;

/// <summary>
/// The app's call on a lane while it waits. Reused: a lane has one call at a time. Its owner begins and ends it under the
/// exchange's lock; the last part of the call, which copies or sums, runs where the app takes the result. The app's code continues on
/// the pool: this object is the work item, so that a wait allocates nothing.
/// </summary>
internal sealed class LaneCall(RankExchange owner, ExchangeLane lane, ExchangeStep step) : IValueTaskSource<DispatchedRows>, IValueTaskSource, IThreadPoolWorkItem
{
    private ManualResetValueTaskSourceCore<bool> _source;
    private CancellationTokenRegistration _registration;
    private Exception? _failure;

    public bool IsPending { get; private set; }

    public ExchangeStep Step => step;

    public short Begin(CancellationToken cancellationToken)
    {
        _source.Reset();
        (IsPending, _failure) = (true, null);
        if (cancellationToken.CanBeCanceled)
            _registration = cancellationToken.UnsafeRegister(static (state, token) => ((LaneCall)state!).Cancel(token), this);
        return _source.Version;
    }

    public void Complete(Exception? failure = null)
    {
        if (!IsPending)
            return;
        (IsPending, _failure) = (false, failure);
        _registration.Unregister();
        ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: true);
    }

    void IThreadPoolWorkItem.Execute()
    {
        if (_failure is { } failure)
            _source.SetException(ExchangeErrors.Again(failure));
        else
            _source.SetResult(true);
    }

    DispatchedRows IValueTaskSource<DispatchedRows>.GetResult(short token)
    {
        _source.GetResult(token);
        return owner.FinishDispatch(lane, step);
    }

    void IValueTaskSource.GetResult(short token)
    {
        _source.GetResult(token);
        owner.FinishCombine(lane, step);
    }

    public ValueTaskSourceStatus GetStatus(short token) => _source.GetStatus(token);

    public void OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _source.OnCompleted(continuation, state, token, flags);

    private void Cancel(CancellationToken cancellationToken) => owner.Cancel(this, cancellationToken);
}
