namespace ElasticEp.Samples.Qwen3Moe;

/// <summary>One of Qwen3's chat templates, as <see cref="ChatRenderer"/> knows it.</summary>
public sealed record ChatTemplate
{
    /// <summary>Models that think or not, as a request says: the first Qwen3 models.</summary>
    public static ChatTemplate Hybrid { get; } = new() { Name = "qwen3", KeepsThoughts = true, Thinking = ChatThinking.Optional };

    /// <summary>Models that do not think: Instruct-2507. Also what a checkpoint without a template is taken for.</summary>
    public static ChatTemplate Instruct { get; } = new() { Name = "qwen3-instruct-2507" };

    /// <summary>The template that Instruct-2507 had until September 2025, which knew thoughts in the history.</summary>
    public static ChatTemplate FirstInstruct { get; } = new() { Name = "qwen3-instruct-2507-first", KeepsThoughts = true };

    /// <summary>Models that always think: Thinking-2507.</summary>
    public static ChatTemplate Reasoning { get; } = new() { Name = "qwen3-thinking-2507", KeepsThoughts = true, Thinking = ChatThinking.Always };

    /// <summary>All of them.</summary>
    public static IReadOnlyList<ChatTemplate> All { get; } = [Hybrid, Instruct, FirstInstruct, Reasoning];

    /// <summary>Its name on the command line.</summary>
    public required string Name { get; init; }

    /// <summary>Whether thoughts are parted from answers in the history: kept after the last question, dropped before it.</summary>
    public bool KeepsThoughts { get; init; }

    /// <summary>Whether answers begin with thoughts.</summary>
    public ChatThinking Thinking { get; init; }
}
