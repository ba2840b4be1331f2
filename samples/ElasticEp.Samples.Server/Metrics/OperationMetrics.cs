using ElasticEp.Samples.Server.Elastic;
using Prometheus;

namespace ElasticEp.Samples.Server.Metrics;

/// <summary>What operations did. All of it is there at zero before the first one, so that its count is an increase.</summary>
internal sealed class OperationMetrics(MetricFactory factory)
{
    private static readonly string[] Outcomes = ["completed", "aborted"];
    private static readonly string[] Stages = ["launch", "transfer", "drain", "switch", "total"];

    private readonly Counter _ended = With(factory.CreateCounter("elasticep_operations_total", "Resizes that were asked for here, by outcome.", "outcome"), Outcomes);
    private readonly Counter _moved = factory.CreateCounter("elasticep_bytes_moved_total", "Weight bytes that resizes moved between ranks.");
    private readonly Counter _lowerBound = factory.CreateCounter("elasticep_bytes_lower_bound_total", "Fewest bytes that those resizes needed to move.");
    private readonly Counter _rearrangements = factory.CreateCounter(MetricsEndpoint.Vllm("eplb_rearrangements_total"), "Operations that moved weights.");
    private readonly Gauge _rearrangement = factory.CreateGauge(MetricsEndpoint.Vllm("eplb_rearrangement_seconds"), "How long the newest of them moved weights.");
    private readonly Histogram _pause = factory.CreateHistogram("elasticep_pause_seconds", "From the last step under one view until the first under the next.", Buckets(0.0001));
    private readonly Histogram _stages = With(factory.CreateHistogram("elasticep_operation_seconds", "Resizes by stage.", ["stage"], Buckets(0.001)), Stages);

    public void OnEnded(EndedOperation operation)
    {
        _ended.WithLabels(operation.Outcome.ToLowerInvariant()).Inc();
        _moved.Inc(operation.BytesMoved);
        _lowerBound.Inc(operation.BytesLowerBound);
        if (operation.Outcome != nameof(ScalePhase.Completed))
            return;
        _pause.Observe(operation.PauseMs / 1000);
        foreach (var (stage, took) in Stages.Zip((double[])[operation.LaunchMs, operation.TransferMs, operation.DrainMs, operation.SwitchMs, operation.TotalMs]))
            _stages.WithLabels(stage).Observe(took / 1000);
        if (operation.BytesMoved == 0)
            return;
        _rearrangements.Inc();
        _rearrangement.Set(operation.TransferMs / 1000);
    }

    private static Counter With(Counter counter, string[] labels)
    {
        foreach (var label in labels)
            counter.WithLabels(label).Publish();
        return counter;
    }

    private static Histogram With(Histogram histogram, string[] labels)
    {
        foreach (var label in labels)
            histogram.WithLabels(label).Publish();
        return histogram;
    }

    private static HistogramConfiguration Buckets(double first) => new() { Buckets = Histogram.ExponentialBuckets(first, 2, 18) };
}
