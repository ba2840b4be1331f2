namespace ElasticEp.Benchmarks.Steps;

/// <summary>Durations of consecutive steps.</summary>
internal sealed class StepSeries(int steps)
{
    private readonly double[] _microseconds = new double[steps];
    private readonly TaskCompletionSource<double[]> _completed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _count;

    public Task<double[]> Completed => _completed.Task;

    /// <summary>Adds a step; returns whether it was the last.</summary>
    public bool Add(TimeSpan duration)
    {
        _microseconds[_count++] = duration.TotalMicroseconds;
        return _count == _microseconds.Length;
    }

    /// <summary>Hands the durations to who waits for them.</summary>
    public void Complete() => _completed.TrySetResult(_microseconds);
}
