using System.Text.Json;

namespace ElasticEp.Samples.Qwen3Moe;

/// <summary>A call of a tool.</summary>
/// <param name="Name">The tool.</param>
/// <param name="Arguments">A JSON object.</param>
public sealed record ChatCall(string Name, JsonElement Arguments);
