namespace ElasticEp.Samples.Serving;

/// <summary>What a step has sampled, an entry for each chunk. Used again from step to step.</summary>
public sealed class StepOutput
{
    private readonly List<SampledToken> _tokens = [];

    /// <summary>One entry for each chunk.</summary>
    public IReadOnlyList<SampledToken> Tokens => _tokens;

    /// <summary>The next chunk's entry.</summary>
    public void Add(SampledToken token) => _tokens.Add(token);

    /// <summary>Forgets all entries: an attempt begins anew.</summary>
    public void Clear() => _tokens.Clear();
}
