using System.Threading.Tasks.Sources;

namespace ElasticEp.Runtime;

/// <summary>A queue with one reader, the app's call of RunStepAsync. Allocates nothing in steady state; the reader continues on the thread pool.</summary>
internal sealed class CallerSignals : IValueTaskSource<CallerSignal>
{
    private readonly Lock _lock = new();
    private readonly Queue<CallerSignal> _queue = new(4);
    private ManualResetValueTaskSourceCore<CallerSignal> _source = new() { RunContinuationsAsynchronously = true };
    private bool _isWaiting;

    public void Add(in CallerSignal signal)
    {
        lock (_lock)
        {
            if (!_isWaiting)
            {
                _queue.Enqueue(signal);
                return;
            }

            _isWaiting = false;
        }

        _source.SetResult(signal);
    }

    public ValueTask<CallerSignal> NextAsync()
    {
        lock (_lock)
        {
            if (_queue.TryDequeue(out var signal))
                return new ValueTask<CallerSignal>(signal);
            _source.Reset();
            _isWaiting = true;
            return new ValueTask<CallerSignal>(this, _source.Version);
        }
    }

    CallerSignal IValueTaskSource<CallerSignal>.GetResult(short token) => _source.GetResult(token);

    ValueTaskSourceStatus IValueTaskSource<CallerSignal>.GetStatus(short token) => _source.GetStatus(token);

    void IValueTaskSource<CallerSignal>.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _source.OnCompleted(continuation, state, token, flags);
}
