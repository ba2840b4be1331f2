using System.Diagnostics.Metrics;

namespace ElasticEp.Diagnostics;

/// <summary>The instruments, made once per host.</summary>
internal sealed class ElasticEpMetrics
{
    private readonly Counter<long> _steps;
    private readonly Counter<long> _retries;
    private readonly Counter<long> _operations;
    private readonly Counter<long> _weightBytes;
    private readonly Histogram<double> _pause;

    public ElasticEpMetrics(IMeterFactory factory)
    {
        var meter = factory.Create(ElasticEpTelemetry.MeterName);
        _steps = meter.CreateCounter<long>("elasticep.steps", "{step}", "Steps completed by a rank.");
        _retries = meter.CreateCounter<long>("elasticep.step.retries", "{attempt}", "Attempts of steps beyond the first.");
        _operations = meter.CreateCounter<long>("elasticep.operations", "{operation}", "Scaling operations that have ended, by outcome.");
        _weightBytes = meter.CreateCounter<long>("elasticep.weights.received", "By", "Weight bytes received from peers.");
        _pause = meter.CreateHistogram<double>("elasticep.view.pause", "s", "From a rank's last step under a view until its first under the next.");
    }

    public void StepCompleted(string group) => _steps.Add(1, new KeyValuePair<string, object?>("group", group));

    public void StepRetried(string group) => _retries.Add(1, new KeyValuePair<string, object?>("group", group));

    public void OperationEnded(string group, bool isCompleted) => _operations.Add(
        1, new KeyValuePair<string, object?>("group", group), new KeyValuePair<string, object?>("outcome", isCompleted ? "completed" : "aborted"));

    public void WeightsReceived(string group, long bytes) => _weightBytes.Add(bytes, new KeyValuePair<string, object?>("group", group));

    public void Paused(string group, TimeSpan pause) => _pause.Record(pause.TotalSeconds, new KeyValuePair<string, object?>("group", group));
}
