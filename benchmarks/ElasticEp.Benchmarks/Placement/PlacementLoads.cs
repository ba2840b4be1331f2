using System.Text.Json;

namespace ElasticEp.Benchmarks.Placement;

/// <summary>The loads that placements are judged on: routing of a real model over real text, and skewed random ones that drift.</summary>
internal static class PlacementLoads
{
    /// <summary>Tokens routed by the embedded model, as <c>[window][layer × expert]</c>.</summary>
    public static (float[][] Windows, int Layers, int Experts) OfEmbeddedModel()
    {
        using var stream = typeof(PlacementLoads).Assembly.GetManifestResourceStream("expert_load.json")
            ?? throw new InvalidOperationException("expert_load.json is not embedded in the benchmark.");
        using var json = JsonDocument.Parse(stream);
        var load = json.RootElement.GetProperty("load");
        var windows = load.EnumerateArray()
            .Select(window => window.EnumerateArray().SelectMany(layer => layer.EnumerateArray()).Select(value => value.GetSingle()).ToArray())
            .ToArray();
        return (windows, load[0].GetArrayLength(), load[0][0].GetArrayLength());
    }

    /// <summary>Zipf-distributed loads, in another random order in each layer.</summary>
    public static float[] Zipf(Random random, int layers, int experts, double exponent)
    {
        var loads = new float[layers * experts];
        for (var layer = 0; layer < layers; layer++)
        {
            var row = loads.AsSpan(layer * experts, experts);
            for (var expert = 0; expert < experts; expert++)
                row[expert] = (float)(100_000 / Math.Pow(expert + 1, exponent));
            random.Shuffle(row);
        }

        return loads;
    }

    /// <summary>Every load times a log-normal factor.</summary>
    public static float[] Drift(Random random, float[] loads, double sigma)
    {
        var drifted = new float[loads.Length];
        for (var i = 0; i < loads.Length; i++)
        {
            var normal = Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
            drifted[i] = (float)(loads[i] * Math.Exp(sigma * normal));
        }

        return drifted;
    }
}
