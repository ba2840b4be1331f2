using ElasticEp.Samples.Serving;

namespace ElasticEp.Samples.Server.Http;

/// <summary>A checked call: what to generate, and how to answer.</summary>
internal sealed record GenerationCall
{
    /// <summary>The prompts, in the order of their choices.</summary>
    public required IReadOnlyList<int[]> Prompts { get; init; }

    public required GenerationOptions Options { get; init; }

    /// <summary>Choices for each prompt.</summary>
    public required int Choices { get; init; }

    /// <summary>Texts that end a choice; they are not part of it.</summary>
    public required IReadOnlyList<string> Stops { get; init; }

    public required bool IsStream { get; init; }

    public required bool IncludesUsage { get; init; }

    public required bool ReturnsTokenIds { get; init; }

    /// <summary>What is looked for in the text of a chat's answer.</summary>
    public ChatReading Reading { get; init; }

    /// <summary>Whether chunks have the usage so far, too.</summary>
    public bool IncludesContinuousUsage { get; init; }

    /// <summary>Whether each text begins with its prompt.</summary>
    public bool Echoes { get; init; }

    /// <summary>Whether a text is its prompt and nothing more: the token that is generated all the same is not told.</summary>
    public bool IsPromptOnly { get; init; }

    /// <summary>Whether scores of the prompt are told as such; for <see cref="Echoes"/> they are computed, too.</summary>
    public bool ReturnsPromptScores { get; init; }

    /// <summary>Whether the token or text that ends a choice is part of its text.</summary>
    public bool IncludesStop { get; init; }

    /// <summary>Whether special tokens are no part of texts.</summary>
    public bool SkipsSpecialTokens { get; init; } = true;

    /// <summary>Tokens that end a choice because the call says so; the model's own are not among them.</summary>
    public IReadOnlySet<int> StopTokens { get; init; } = new HashSet<int>();

    /// <summary>Whether tokens are told by id instead of by their text, which others may have, too.</summary>
    public bool TellsTokensById { get; init; }

    /// <summary>One request for each choice; each has a seed of its own.</summary>
    public IReadOnlyList<(int[] Prompt, GenerationOptions Options)> Requests() =>
    [
        .. Prompts.SelectMany(prompt => Enumerable.Range(0, Choices).Select(choice =>
            (prompt, Options with { Sampling = Options.Sampling with { Seed = Options.Sampling.Seed + (ulong)choice } }))),
    ];
}
