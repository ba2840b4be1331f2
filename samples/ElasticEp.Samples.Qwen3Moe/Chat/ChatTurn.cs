namespace ElasticEp.Samples.Qwen3Moe;

/// <summary>A turn of a conversation.</summary>
/// <param name="Role">system, user, assistant or tool.</param>
/// <param name="Content">What was said; for a tool its result.</param>
public sealed record ChatTurn(string Role, string Content)
{
    /// <summary>What an assistant thought before it spoke; null when the content may have it, between its tags.</summary>
    public string? Reasoning { get; init; }

    /// <summary>Tools that an assistant called.</summary>
    public IReadOnlyList<ChatCall> Calls { get; init; } = [];
}
