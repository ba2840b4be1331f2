using ElasticEp.Samples.Qwen3Moe;

namespace ElasticEp.Samples.Server;

/// <summary>The model that is served, as clients name it.</summary>
internal sealed record ServedModel(string Id, Qwen3MoeConfig Config)
{
    public long Created { get; } = TimeProvider.System.GetUtcNow().ToUnixTimeSeconds();
}
