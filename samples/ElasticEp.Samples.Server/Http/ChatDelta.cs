namespace ElasticEp.Samples.Server.Http;

/// <summary>What a piece of an answer's text adds.</summary>
/// <param name="Reasoning">Thoughts.</param>
/// <param name="Content">What is said.</param>
/// <param name="Calls">Tools that are called.</param>
internal readonly record struct ChatDelta(string Reasoning, string Content, IReadOnlyList<ChatToolCall> Calls);
