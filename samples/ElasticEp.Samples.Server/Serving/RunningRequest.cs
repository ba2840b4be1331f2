using ElasticEp.Samples.Qwen3Moe;

namespace ElasticEp.Samples.Server.Serving;

/// <summary>A request on the rank that runs it.</summary>
internal sealed class RunningRequest(Assignment assignment, int frontEnd, Qwen3MoeConfig config)
{
    /// <summary>All tokens so far: the prompt, what earlier owners released, and what this rank generated.</summary>
    public List<int> Tokens { get; } = [.. assignment.Prompt, .. assignment.Generated];

    public Assignment Assignment { get; } = assignment;

    public int FrontEnd { get; } = frontEnd;

    public KvCache Cache { get; } = new(config);

    /// <summary>Tokens whose keys and values are in the cache.</summary>
    public int Computed { get; set; }

    /// <summary>Position of the next generated token.</summary>
    public int Position => Tokens.Count - Assignment.Prompt.Length;

    public RequestNotice Notice(string detail) => new(Assignment.Request, Assignment.Owner, detail);
}
