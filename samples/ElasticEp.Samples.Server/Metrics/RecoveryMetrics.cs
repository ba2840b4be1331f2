using ElasticEp.Samples.Serving;
using Prometheus;

namespace ElasticEp.Samples.Server.Metrics;

/// <summary>How long recoveries take, by part: as the ranks report that led them, and until the requests of a lost rank got their next token.</summary>
internal sealed class RecoveryMetrics
{
    private static readonly string[] Parts = ["detect", "stop", "write", "start", "replay"];

    private readonly Dictionary<string, (long Incarnation, long Number)> _seen = []; // rank → the last recovery that was counted
    private readonly Histogram _seconds;

    public RecoveryMetrics(CollectorRegistry registry)
    {
        var buckets = new HistogramConfiguration { Buckets = Histogram.ExponentialBuckets(0.001, 2, 15) };
        _seconds = Prometheus.Metrics.WithCustomRegistry(registry).CreateHistogram("elasticep_recovery_seconds", "Recoveries by part.", ["part"], buckets);
        foreach (var part in Parts)
            _seconds.WithLabels(part);
    }

    /// <summary>A request of a lost rank got its next token from another one.</summary>
    public void OnReplayed(TimeSpan after) => _seconds.WithLabels("replay").Observe(after.TotalSeconds);

    /// <summary>Tells the recoveries that a rank has led; those that are known are passed over.</summary>
    public void Set(string rank, long incarnation, RecoveryTimes[] recoveries)
    {
        var last = _seen.TryGetValue(rank, out var seen) && seen.Incarnation == incarnation ? seen.Number : 0;
        foreach (var led in recoveries.Where(led => led.Number > last))
        {
            foreach (var (part, took) in Parts.Zip((double[])[led.Detect, led.Stop, led.Write, led.Start]))
                _seconds.WithLabels(part).Observe(took);
            _seen[rank] = (incarnation, led.Number);
        }
    }
}
