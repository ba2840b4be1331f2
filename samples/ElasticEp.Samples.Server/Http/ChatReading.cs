using ElasticEp.Samples.Qwen3Moe;

namespace ElasticEp.Samples.Server.Http;

/// <summary>What is looked for in the text of an answer.</summary>
/// <param name="Thinking">Whether it begins with thoughts.</param>
/// <param name="MaxCalls">Most calls of tools to find; 0 leaves all text as it is.</param>
internal readonly record struct ChatReading(ChatThinking Thinking, int MaxCalls);
