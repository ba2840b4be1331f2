using Prometheus;

namespace ElasticEp.Samples.Server.Metrics;

/// <summary>Steps by the tokens that a rank computed in them, as ranks have counted them. Steps without any are the exchange's affair.</summary>
internal sealed class StepTokenHistogram(MetricFactory factory)
{
    private static readonly double[] Buckets = [1, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384];

    private readonly Dictionary<string, (long Incarnation, long[] Steps)> _seen = [];
    private readonly Histogram _histogram = factory.CreateHistogram(
        MetricsEndpoint.Vllm("iteration_tokens_total"), "Tokens that a rank computed in a step.", ["model_name", "engine"], new HistogramConfiguration { Buckets = Buckets });

    /// <summary>Tells the present counts.</summary>
    /// <param name="model">Name of the model.</param>
    /// <param name="rank">The rank.</param>
    /// <param name="incarnation">The process that has counted, from zero on.</param>
    /// <param name="steps">Steps by their tokens.</param>
    public void Set(string model, string rank, long incarnation, long[] steps)
    {
        var before = _seen.TryGetValue(rank, out var seen) && seen.Incarnation == incarnation ? seen.Steps : [];
        _seen[rank] = (incarnation, steps);
        var child = _histogram.WithLabels(model, rank);
        for (var tokens = 1; tokens < steps.Length; tokens++)
        {
            if (steps[tokens] - (tokens < before.Length ? before[tokens] : 0) is > 0 and var more)
                child.Observe(tokens, more);
        }
    }
}
