using ElasticEp.Samples.Serving.Messages;

namespace ElasticEp.Samples.Serving.Ranks;

/// <summary>A request on the rank that has it.</summary>
internal sealed class RunningRequest(Assignment assignment, MemberId frontEnd) : IComparable<RunningRequest>
{
    // All tokens so far: the prompt, what earlier owners released, and what this rank generated.
    private readonly int[] _tokens = [.. assignment.Prompt, .. assignment.Generated, .. new int[Math.Max(0, assignment.Options.MaxTokens - assignment.Generated.Length)]];

    // Scores of the prompt's tokens from the second one on; not wanted again when an earlier owner has released a token, as they went with the first.
    private readonly TokenProbability[][]? _scores = assignment is { Generated.Length: 0, Options.PromptLogProbabilities: >= 0 } ? new TokenProbability[Math.Max(0, assignment.Prompt.Length - 1)][] : null;

    private int[] _pages = [];

    public Assignment Assignment { get; } = assignment;

    public MemberId FrontEnd { get; } = frontEnd;

    /// <summary>Whether the next token depends on which tokens came before it in other ways than through the model.</summary>
    public bool DependsOnText { get; } = assignment.Options.Adjustments.DependsOnText;

    /// <summary>Its place in the model; −1 while it waits.</summary>
    public int Slot { get; set; } = -1;

    /// <summary>Whether a step was begun with it.</summary>
    public bool HasBegun { get; set; }

    /// <summary>Whether it has ended or goes elsewhere: what steps in flight still compute of it is discarded.</summary>
    public bool IsEnded { get; set; }

    /// <summary>Steps in flight that have a chunk of it.</summary>
    public int InFlight { get; set; }

    /// <summary>Tokens so far, the prompt's included.</summary>
    public int Length { get; private set; } = assignment.Prompt.Length + assignment.Generated.Length;

    /// <summary>Tokens whose keys and values completed steps have written.</summary>
    public int Computed { get; private set; }

    /// <summary>Tokens that steps in flight have computed when they are complete.</summary>
    public int Planned { get; private set; }

    /// <summary>Whether a step in flight samples its next token.</summary>
    public bool IsSampling { get; private set; }

    /// <summary>Pages that it has.</summary>
    public int Pages { get; private set; }

    /// <summary>Pages of them that the model knows from completed steps.</summary>
    public int KnownPages { get; private set; }

    /// <summary>Place in the generated text of the next token.</summary>
    public int Position => Length - Assignment.Prompt.Length;

    /// <summary>Tokens that the next step can compute; one of them may be sampled only by a step in flight.</summary>
    public int Remaining => Length + (IsSampling ? 1 : 0) - Planned;

    /// <summary>Whether one token at a time is computed: everything before is in the cache, or will be.</summary>
    public bool IsDecoding => Remaining == 1;

    /// <summary>Whether the token that a step in flight samples is the last one whatever it is.</summary>
    public bool EndsWithSample => IsSampling && Position + 1 >= Assignment.Options.MaxTokens;

    /// <summary>What the model opens its slot with.</summary>
    /// <param name="endTokens">The model's tokens that end a text.</param>
    public SequenceStart Start(IReadOnlyList<int> endTokens)
    {
        var options = Assignment.Options;
        return new SequenceStart(Assignment.Prompt, Assignment.Generated, options.Sampling, options.LogProbabilities)
        {
            PromptLogProbabilities = _scores is null ? GenerationOptions.NoLogProbabilities : options.PromptLogProbabilities,
            Adjustments = options.Adjustments.MinTokens == 0 ? options.Adjustments : options.Adjustments with { EndTokens = [.. endTokens, .. options.StopTokens] },
        };
    }

    /// <summary>The older one first: requests of one front end by their arrival, those of several in any order that all ranks share.</summary>
    public int CompareTo(RunningRequest? other)
    {
        if (other is null)
            return 1;
        var byNumber = Assignment.Request.CompareTo(other.Assignment.Request);
        if (byNumber != 0)
            return byNumber;
        return FrontEnd.Rank != other.FrontEnd.Rank ? FrontEnd.Rank.CompareTo(other.FrontEnd.Rank) : FrontEnd.Incarnation.CompareTo(other.FrontEnd.Incarnation);
    }

    public void AddPage(int page)
    {
        if (Pages == _pages.Length)
            Array.Resize(ref _pages, Math.Max(4, 2 * Pages)); // chunks in flight keep the old array
        _pages[Pages++] = page;
    }

    public ReadOnlySpan<int> AllPages => _pages.AsSpan(0, Pages);

    /// <summary>The next tokens, as part of a step in flight.</summary>
    public StepChunk Plan(int count)
    {
        var samples = Planned + count == Length + (IsSampling ? 1 : 0);
        var chunk = new StepChunk
        {
            Slot = Slot,
            Start = Planned,
            Count = count,
            Tokens = Planned == Length ? default : _tokens.AsMemory(Planned, count),
            FirstNewPage = KnownPages,
            NewPages = _pages.AsMemory(KnownPages, Pages - KnownPages),
            SamplesAt = samples ? Position + (IsSampling ? 1 : 0) : -1,
            Targets = _scores is null || Planned >= _scores.Length ? default : _tokens.AsMemory(Planned + 1, Math.Min(count, _scores.Length - Planned)),
            Generated = samples && DependsOnText ? _tokens.AsMemory(Assignment.Prompt.Length, Position) : default,
        };
        Planned += count;
        InFlight++;
        IsSampling = samples;
        return chunk;
    }

    /// <summary>The step with this chunk is complete.</summary>
    public void Complete(in StepChunk chunk)
    {
        InFlight--;
        Computed = chunk.Start + chunk.Count;
        KnownPages = Math.Max(KnownPages, chunk.FirstNewPage + chunk.NewPages.Length);
    }

    /// <summary>What the chunk's targets have scored.</summary>
    public void AddScores(in StepChunk chunk, TokenProbability[][] scores) => scores.CopyTo(_scores.AsSpan(chunk.Start));

    /// <summary>Scores of the whole prompt, which go with the first token; null when they are not wanted.</summary>
    public TokenProbability[][]? Scores => Position == 0 ? _scores : null;

    /// <summary>The token that the oldest step in flight has sampled.</summary>
    public void Add(int token)
    {
        _tokens[Length++] = token;
        IsSampling = Planned >= Length; // a later step in flight computes it already, and samples the one after it
    }

    /// <summary>Steps in flight are dropped.</summary>
    public void Drop()
    {
        InFlight = 0;
        Planned = Computed;
        IsSampling = false;
    }

    public RequestNotice Notice(string detail) => new(Assignment.Request, Assignment.Owner, detail);
}
