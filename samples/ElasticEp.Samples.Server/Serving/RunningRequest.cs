using ElasticEp.Samples.Qwen3Moe;

namespace ElasticEp.Samples.Server.Serving;

/// <summary>A request on the rank that runs it.</summary>
internal sealed class RunningRequest(Assignment assignment, MemberId frontEnd) : IDisposable
{
    // All tokens so far: the prompt, what earlier owners released, and what this rank generated.
    private readonly int[] _tokens = [.. assignment.Prompt, .. assignment.Generated, .. new int[Math.Max(0, assignment.Options.MaxTokens - assignment.Generated.Length)]];

    public Assignment Assignment { get; } = assignment;

    public MemberId FrontEnd { get; } = frontEnd;

    /// <summary>Keys and values; null until the request is admitted.</summary>
    public KvCache? Cache { get; private set; }

    /// <summary>Whether a step was begun with it.</summary>
    public bool HasBegun { get; set; }

    /// <summary>Tokens so far, the prompt's included.</summary>
    public int Length { get; private set; } = assignment.Prompt.Length + assignment.Generated.Length;

    /// <summary>Tokens whose keys and values are in the cache.</summary>
    public int Computed { get; set; }

    /// <summary>Position of the next generated token.</summary>
    public int Position => Length - Assignment.Prompt.Length;

    /// <summary>Whether one token at a time is computed: everything before is in the cache.</summary>
    public bool IsDecoding => Length - Computed == 1;

    /// <summary>Pages that it can come to need.</summary>
    public int MaxPages => KvCachePool.PagesOf(_tokens.Length);

    /// <summary>From now on it may run.</summary>
    public void Admit(KvCachePool pool) => Cache = new KvCache(pool);

    public bool Is(MemberId owningFrontEnd, long request, int owner) => FrontEnd == owningFrontEnd && Assignment.Request == request && Assignment.Owner == owner;

    /// <summary>The next tokens to compute.</summary>
    public SequenceChunk Next(int count) => new(Cache!, _tokens.AsMemory(Computed, count), Computed);

    public void Add(int token) => _tokens[Length++] = token;

    public RequestNotice Notice(string detail) => new(Assignment.Request, Assignment.Owner, detail);

    public void Dispose() => Cache?.Dispose();
}
