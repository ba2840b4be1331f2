namespace ElasticEp.Tests.Simulation;

/// <summary>
/// Virtual time in microseconds, and what is to happen in it. Ties go in the order of scheduling. Heartbeats and timers are background: they
/// go on for ever, and the world is idle when nothing else has happened for longer than any deadline.
/// </summary>
internal sealed class SimClock
{
    private const long RunOut = 9_000_000;

    private readonly PriorityQueue<(Action Action, bool IsBackground), (long Time, long Order)> _queue = new();
    private long _order;
    private long _foreground;
    private long _lastForeground;

    public long Now { get; private set; }

    public TimeSpan Time => new(Now * TimeSpan.TicksPerMicrosecond);

    public bool IsIdle => _queue.Count == 0 || (_foreground == 0 && Now - _lastForeground >= RunOut);

    public void At(long time, Action action, bool isBackground = false)
    {
        _queue.Enqueue((action, isBackground), (Math.Max(time, Now), _order++));
        if (!isBackground)
            _foreground++;
    }

    public void After(long delay, Action action, bool isBackground = false) => At(Now + delay, action, isBackground);

    public void RunNext()
    {
        _queue.TryDequeue(out var next, out var due);
        Now = due.Time;
        if (!next.IsBackground)
        {
            _foreground--;
            _lastForeground = Now;
        }

        next.Action();
    }
}
