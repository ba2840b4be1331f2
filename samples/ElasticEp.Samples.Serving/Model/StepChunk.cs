namespace ElasticEp.Samples.Serving;

/// <summary>Some tokens of one sequence that a step computes.</summary>
public readonly record struct StepChunk
{
    /// <summary>The sequence.</summary>
    public required int Slot { get; init; }

    /// <summary>Position of the first token; the cache holds all positions before it.</summary>
    public required int Start { get; init; }

    /// <summary>How many tokens.</summary>
    public required int Count { get; init; }

    /// <summary>
    /// Token ids <c>[count]</c>. Empty when it is the one token that the step before this one samples, whose id only the model has: that happens with
    /// two <see cref="ModelLimits.StepsInFlight"/> alone.
    /// </summary>
    public ReadOnlyMemory<int> Tokens { get; init; }

    /// <summary>Pages that the sequence has got beyond those of its completed steps; the same ones may come again.</summary>
    public ReadOnlyMemory<int> NewPages { get; init; }

    /// <summary>Place of the first of them among the sequence's pages.</summary>
    public int FirstNewPage { get; init; }

    /// <summary>Place in the generated text, from 0 on, of the token that is sampled after the last one; −1 when none is.</summary>
    public required int SamplesAt { get; init; }

    /// <summary>
    /// Tokens that are to be scored <c>[at most count]</c>: the i-th follows the chunk's i-th token, and its log probability there is wanted, in
    /// <see cref="SampledToken.Scores"/>. Empty when none is.
    /// </summary>
    public ReadOnlyMemory<int> Targets { get; init; }

    /// <summary>
    /// The generated text so far <c>[samplesAt]</c>, where the chunk samples and the sequence's adjustments depend on it
    /// (<see cref="LogitAdjustments.DependsOnText"/>); else empty. Such a chunk is not prepared before the step that samples the token before it has ended.
    /// </summary>
    public ReadOnlyMemory<int> Generated { get; init; }
}
