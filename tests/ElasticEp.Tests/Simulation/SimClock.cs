namespace ElasticEp.Tests.Simulation;

/// <summary>Virtual time in microseconds, and what is to happen in it. Ties go in the order of scheduling.</summary>
internal sealed class SimClock
{
    private readonly PriorityQueue<Action, (long Time, long Order)> _queue = new();
    private long _order;

    public long Now { get; private set; }

    public TimeSpan Time => new(Now * TimeSpan.TicksPerMicrosecond);

    public bool IsIdle => _queue.Count == 0;

    public void At(long time, Action action) => _queue.Enqueue(action, (Math.Max(time, Now), _order++));

    public void After(long delay, Action action) => At(Now + delay, action);

    public void RunNext()
    {
        _queue.TryDequeue(out var action, out var due);
        Now = due.Time;
        action!();
    }
}
