using System.Diagnostics;

namespace ElasticEp.Benchmarks.Steps;

/// <summary>One rank and its serving loop, which runs steps until the group ends.</summary>
internal sealed class StepRank
{
    private readonly IElasticGroup _group;
    private readonly Func<ElasticStep, CancellationToken, ValueTask> _step;
    private StepBatch _batch;
    private StepBatch _nextBatch;
    private StepSeries? _series;
    private long _completedAt;

    public StepRank(IElasticGroup group)
    {
        _group = group;
        _step = RunAsync;
        _batch = _nextBatch = new StepBatch(group.Rank, tokens: 1);
    }

    public RankStatistics Statistics => _group.GetStatistics();

    /// <summary>From the next step on this rank has so many tokens in each.</summary>
    public void Use(int tokens) => Volatile.Write(ref _nextBatch, new StepBatch(_group.Rank, tokens));

    /// <summary>The next so many steps, in microseconds, each from the completion before it to its own.</summary>
    public Task<double[]> TimeAsync(int steps)
    {
        var series = new StepSeries(steps);
        Volatile.Write(ref _series, series);
        return series.Completed;
    }

    /// <summary>The serving loop; ends with the group.</summary>
    public async Task ServeAsync()
    {
        await Task.Yield();
        _group.NotifyWork();
        while (await _group.RunStepAsync(_step).ConfigureAwait(false))
            Release();
    }

    private ValueTask RunAsync(ElasticStep step, CancellationToken cancellationToken)
    {
        _group.NotifyWork();
        return _batch.RunAsync(step, cancellationToken);
    }

    private void Release()
    {
        var now = Stopwatch.GetTimestamp();
        if (Volatile.Read(ref _series) is { } series && series.Add(Stopwatch.GetElapsedTime(_completedAt, now)))
        {
            Volatile.Write(ref _series, null); // before its end is known: who waits for it may begin the next one
            series.Complete();
        }

        _completedAt = now;
        _batch = Volatile.Read(ref _nextBatch);
    }
}
