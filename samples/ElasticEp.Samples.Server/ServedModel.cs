using ElasticEp.Samples.Qwen3Moe;

namespace ElasticEp.Samples.Server;

/// <summary>The model that is served.</summary>
/// <param name="Id">As clients name it.</param>
/// <param name="Root">Where it came from.</param>
/// <param name="Config">What it looks like.</param>
internal sealed record ServedModel(string Id, string Root, Qwen3MoeConfig Config)
{
    public static ServedModel Of(string directory, Qwen3MoeConfig config) =>
        new(Path.GetFileName(Path.TrimEndingDirectorySeparator(directory)), directory, config);

    public long Created { get; } = TimeProvider.System.GetUtcNow().ToUnixTimeSeconds();
}
