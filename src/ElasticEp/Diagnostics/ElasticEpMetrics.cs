using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using ElasticEp.Events;

namespace ElasticEp.Diagnostics;

/// <summary>The instruments, made once per host. What a rank counts anyway is read from it when somebody asks.</summary>
internal sealed class ElasticEpMetrics
{
    private const string Group = "elasticep.group";
    private const string Rank = "elasticep.rank";
    private const string Statistic = "elasticep.load.statistic";

    private static readonly InstrumentAdvice<double> StepTimes = Buckets(0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30);
    private static readonly InstrumentAdvice<double> OperationTimes = Buckets(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000);

    private readonly ConcurrentDictionary<IElasticGroup, byte> _ranks = new();
    private readonly ConcurrentDictionary<string, long> _moved = new(StringComparer.Ordinal); // weight bytes, by group
    private readonly Histogram<double> _steps;
    private readonly Histogram<double> _pauses;
    private readonly Histogram<double> _operations;
    private readonly Histogram<double> _recoveries;
    private readonly Gauge<double> _balancedness;

    public ElasticEpMetrics(IMeterFactory factory)
    {
        var meter = factory.Create(ElasticEpTelemetry.MeterName);
        _steps = meter.CreateHistogram<double>("elasticep.step.duration", "s", "From the begin of a step until it was complete on every rank.", tags: null, StepTimes);
        _pauses = meter.CreateHistogram<double>("elasticep.view.pause", "s", "From a rank's last step under a view until its first under the next.", tags: null, StepTimes);
        _operations = meter.CreateHistogram<double>("elasticep.operation.duration", "s", "Scaling operations that this process asked for, by outcome.", tags: null, OperationTimes);
        _recoveries = meter.CreateHistogram<double>("elasticep.recovery.duration", "s", "Recoveries that a rank led, by part: detect, stop, write, start.", tags: null, OperationTimes);
        meter.CreateObservableCounter("elasticep.operation.bytes", () => _moved.Select(group => new Measurement<long>(group.Value, new KeyValuePair<string, object?>(Group, group.Key))).ToArray(), "By", "Weight bytes that those operations moved between ranks.");
        _balancedness = meter.CreateGauge<double>("elasticep.load.balancedness", "1", "Mean load of a rank divided by the highest, as the coordinator knows the load: mean and lowest of the MoE layers.");
        Observe(meter, "elasticep.step.retries", "{attempt}", "Attempts of steps beyond the first.", statistics => statistics.Retries);
        Observe(meter, "elasticep.frames.stale", "{frame}", "Frames of older attempts that were thrown away.", statistics => statistics.StaleFrames);
        Observe(meter, "elasticep.weights.received", "By", "Weight bytes received from peers.", statistics => statistics.WeightBytesReceived);
        Observe(meter, "elasticep.weights.loaded", "By", "Weight bytes read from the workload's own source.", statistics => statistics.WeightBytesLoaded);
        Observe(meter, "elasticep.step.exchange", "s", "Time of steps in dispatch and combine, without waiting.", statistics => statistics.ExchangeTime.TotalSeconds);
        Observe(meter, "elasticep.step.wait", "s", "Time of steps that a rank waited for others.", statistics => statistics.WaitTime.TotalSeconds);
        meter.CreateObservableCounter("elasticep.exchange.wait", Waits, "s", "Time that a rank waited for the frames of another one, by source rank; waits for several overlap.");
        meter.CreateObservableGauge("elasticep.view.epoch", () => Views(view => view.Epoch), "{view}", "Number of the view that a rank uses.");
        meter.CreateObservableGauge("elasticep.view.members", () => Views(view => view.Members.Length), "{rank}", "Members of the view that a rank uses.");
    }

    /// <summary>From now on what this process asks of the group is counted, from zero.</summary>
    public void Add(string group) => _moved.TryAdd(group, 0);

    /// <summary>From now on this rank is asked too.</summary>
    public void Add(IElasticGroup rank) => _ranks.TryAdd(rank, 0);

    public void Remove(IElasticGroup rank) => _ranks.TryRemove(rank, out _);

    public void StepCompleted(string group, int rank, TimeSpan took)
    {
        if (_steps.Enabled) // the rank becomes an object
            _steps.Record(took.TotalSeconds, new(Group, group), new(Rank, rank));
    }

    public void Paused(string group, int rank, TimeSpan pause) => _pauses.Record(pause.TotalSeconds, new(Group, group), new(Rank, rank));

    public void Recovered(string group, int rank, RecoveryStatistics times)
    {
        foreach (var (part, took) in (ReadOnlySpan<(string, TimeSpan)>)[("detect", times.Detect), ("stop", times.Stop), ("write", times.Write), ("start", times.Start)])
            _recoveries.Record(took.TotalSeconds, new(Group, group), new(Rank, rank), new("elasticep.recovery.part", part));
    }

    public void OperationEnded(string group, ScalePhase outcome, TimeSpan took, long bytesMoved)
    {
        _operations.Record(took.TotalSeconds, new(Group, group), new("elasticep.operation.outcome", $"{outcome}"));
        _moved.AddOrUpdate(group, bytesMoved, (_, before) => before + bytesMoved);
    }

    public void BalanceKnown(string group, LoadBalance balance)
    {
        _balancedness.Record(balance.Mean, new(Group, group), new(Statistic, "mean"));
        _balancedness.Record(balance.Lowest, new(Group, group), new(Statistic, "lowest"));
    }

    private void Observe<T>(Meter meter, string name, string unit, string description, Func<RankStatistics, T> value)
        where T : struct =>
        meter.CreateObservableCounter(name, () => _ranks.Keys.Select(rank => new Measurement<T>(value(rank.GetStatistics()), Tags(rank))).ToArray(), unit, description);

    private Measurement<double>[] Waits() =>
    [
        .. _ranks.Keys.SelectMany(rank => rank.GetStatistics().Waits.Select(wait =>
            new Measurement<double>(wait.Total.TotalSeconds, [.. Tags(rank), new KeyValuePair<string, object?>("elasticep.source_rank", wait.Rank)]))),
    ];

    private Measurement<long>[] Views(Func<GroupView, long> value) => [.. _ranks.Keys.Select(rank => new Measurement<long>(value(rank.View), Tags(rank)))];

    private static KeyValuePair<string, object?>[] Tags(IElasticGroup rank) => [new(Group, rank.Name), new(Rank, rank.Rank)];

    private static InstrumentAdvice<double> Buckets(params double[] bounds) => new() { HistogramBucketBoundaries = bounds };
}
