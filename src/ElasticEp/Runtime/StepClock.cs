namespace ElasticEp.Runtime;

/// <summary>Counts a rank's steps and where their time goes, in timestamp ticks. Written by the rank's driver, read by anybody.</summary>
internal sealed class StepClock(TimeProvider time)
{
    private long _beganAt;
    private long _delegateEndedAt;
    private long _completedAt;
    private long _epoch;
    private long _steps;
    private long _retries;
    private long _stepTicks;
    private long _endTicks; // after the delegate, until the others had ended the step too
    private long _views;
    private long _pauseTicks;

    public long Steps => Volatile.Read(ref _steps);

    public long Retries => Volatile.Read(ref _retries);

    public long ViewChanges => Volatile.Read(ref _views);

    public TimeSpan StepTime => Elapsed(ref _stepTicks);

    public TimeSpan EndTime => Elapsed(ref _endTicks);

    public TimeSpan LastPause => Elapsed(ref _pauseTicks);

    /// <summary>An attempt begins.</summary>
    /// <returns>The pause that ends with it, when it is the first step under a view.</returns>
    public TimeSpan? Begin(long epoch, bool isRetry)
    {
        var now = time.GetTimestamp();
        TimeSpan? pause = null;
        if (_epoch != epoch && _completedAt != 0)
        {
            Volatile.Write(ref _pauseTicks, now - _completedAt);
            Interlocked.Increment(ref _views);
            pause = LastPause;
        }

        _epoch = epoch;
        if (isRetry)
            Interlocked.Increment(ref _retries);
        else
            _beganAt = now;
        return pause;
    }

    public void EndDelegate() => Volatile.Write(ref _delegateEndedAt, time.GetTimestamp());

    /// <summary>The step is complete on every rank.</summary>
    /// <returns>How long it took.</returns>
    public TimeSpan Complete()
    {
        _completedAt = time.GetTimestamp();
        var took = _completedAt - _beganAt;
        Interlocked.Add(ref _stepTicks, took);
        Interlocked.Add(ref _endTicks, Math.Max(0, _completedAt - Math.Max(_beganAt, Volatile.Read(ref _delegateEndedAt))));
        Interlocked.Increment(ref _steps);
        return time.GetElapsedTime(0, took);
    }

    private TimeSpan Elapsed(ref long ticks) => time.GetElapsedTime(0, Volatile.Read(ref ticks));
}
