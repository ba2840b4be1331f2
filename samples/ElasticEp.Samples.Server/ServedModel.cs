using ElasticEp.Samples.Qwen3Moe;
using ElasticEp.Samples.Serving;

namespace ElasticEp.Samples.Server;

/// <summary>The model that is served.</summary>
/// <param name="Id">As clients name it.</param>
/// <param name="Root">Where it came from.</param>
/// <param name="Config">What it looks like.</param>
/// <param name="Limits">What each rank has room for.</param>
internal sealed record ServedModel(string Id, string Root, Qwen3MoeConfig Config, ModelLimits Limits)
{
    public static ServedModel Of(string directory, Qwen3MoeConfig config, ModelLimits limits) =>
        new(Path.GetFileName(Path.TrimEndingDirectorySeparator(directory)), directory, config, limits);

    public long Created { get; } = TimeProvider.System.GetUtcNow().ToUnixTimeSeconds();
}
