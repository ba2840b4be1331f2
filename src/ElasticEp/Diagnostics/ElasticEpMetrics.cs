using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using ElasticEp.Events;

namespace ElasticEp.Diagnostics;

/// <summary>The instruments, made once per host. What a rank counts anyway is read from it when somebody asks.</summary>
internal sealed class ElasticEpMetrics
{
    private readonly ConcurrentDictionary<IElasticGroup, byte> _ranks = new();
    private readonly Histogram<double> _steps;
    private readonly Histogram<double> _pauses;
    private readonly Histogram<double> _operations;
    private readonly Histogram<double> _recoveries;
    private readonly Counter<long> _moved;
    private readonly Gauge<double> _balancedness;

    public ElasticEpMetrics(IMeterFactory factory)
    {
        var meter = factory.Create(ElasticEpTelemetry.MeterName);
        _steps = meter.CreateHistogram<double>("elasticep.step.duration", "s", "From the begin of a step until it was complete on every rank.");
        _pauses = meter.CreateHistogram<double>("elasticep.view.pause", "s", "From a rank's last step under a view until its first under the next.");
        _operations = meter.CreateHistogram<double>("elasticep.operation.duration", "s", "Scaling operations that this process asked for, by outcome.");
        _recoveries = meter.CreateHistogram<double>("elasticep.recovery.duration", "s", "Recoveries that a rank led, by part: detect, stop, write, start.");
        _moved = meter.CreateCounter<long>("elasticep.operation.bytes", "By", "Weight bytes that those operations moved between ranks.");
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

    /// <summary>From now on this rank is asked too.</summary>
    public void Add(IElasticGroup rank) => _ranks.TryAdd(rank, 0);

    public void Remove(IElasticGroup rank) => _ranks.TryRemove(rank, out _);

    public void StepCompleted(string group, int rank, TimeSpan took)
    {
        if (_steps.Enabled) // the rank becomes an object
            _steps.Record(took.TotalSeconds, new("group", group), new("rank", rank));
    }

    public void Paused(string group, int rank, TimeSpan pause) => _pauses.Record(pause.TotalSeconds, new("group", group), new("rank", rank));

    public void Recovered(string group, int rank, RecoveryStatistics times)
    {
        foreach (var (part, took) in (ReadOnlySpan<(string, TimeSpan)>)[("detect", times.Detect), ("stop", times.Stop), ("write", times.Write), ("start", times.Start)])
            _recoveries.Record(took.TotalSeconds, new("group", group), new("rank", rank), new("part", part));
    }

    public void OperationEnded(string group, ScalePhase outcome, TimeSpan took, long bytesMoved)
    {
        _operations.Record(took.TotalSeconds, new("group", group), new("outcome", $"{outcome}"));
        _moved.Add(bytesMoved, new KeyValuePair<string, object?>("group", group));
    }

    public void BalanceKnown(string group, LoadBalance balance)
    {
        _balancedness.Record(balance.Mean, new("group", group), new("statistic", "mean"));
        _balancedness.Record(balance.Lowest, new("group", group), new("statistic", "lowest"));
    }

    private void Observe<T>(Meter meter, string name, string unit, string description, Func<RankStatistics, T> value)
        where T : struct =>
        meter.CreateObservableCounter(name, () => _ranks.Keys.Select(rank => new Measurement<T>(value(rank.GetStatistics()), Tags(rank))).ToArray(), unit, description);

    private Measurement<double>[] Waits() =>
    [
        .. _ranks.Keys.SelectMany(rank => rank.GetStatistics().Waits.Select(wait =>
            new Measurement<double>(wait.Total.TotalSeconds, [.. Tags(rank), new KeyValuePair<string, object?>("source", wait.Rank)]))),
    ];

    private Measurement<long>[] Views(Func<GroupView, long> value) => [.. _ranks.Keys.Select(rank => new Measurement<long>(value(rank.View), Tags(rank)))];

    private static KeyValuePair<string, object?>[] Tags(IElasticGroup rank) => [new("group", rank.Name), new("rank", rank.Rank)];
}
