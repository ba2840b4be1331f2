namespace ElasticEp.Samples.Bench.Measuring;

/// <summary>Seconds since the run began.</summary>
internal sealed class RunClock(TimeProvider time)
{
    private readonly long _started = time.GetTimestamp();

    public TimeProvider Time { get; } = time;

    public double Now => Time.GetElapsedTime(_started).TotalSeconds;

    public Task DelayUntilAsync(double seconds, CancellationToken cancellationToken)
    {
        var wait = seconds - Now;
        return wait <= 0 ? Task.CompletedTask : Task.Delay(TimeSpan.FromSeconds(wait), Time, cancellationToken);
    }
}
