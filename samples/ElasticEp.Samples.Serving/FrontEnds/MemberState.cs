using ElasticEp.Samples.Serving.Messages;

namespace ElasticEp.Samples.Serving.FrontEnds;

/// <summary>
/// A member as the front end knows it: what it has, and what room it stated, less what it was given since. One that has stated nothing yet is taken for
/// empty: it has just joined.
/// </summary>
/// <param name="id">The member.</param>
/// <param name="options">What it has room for.</param>
/// <param name="now">Timestamp.</param>
internal sealed class MemberState(MemberId id, FrontEndOptions options, long now)
{
    private readonly ModelLimits _limits = options.Limits;
    private readonly List<UnstatedRequest> _unstated = [];
    private RankStatement _statement = new(0, options.Limits.Pages, options.Limits.Sequences, 0, 0);
    private long _tokens; // of all its requests
    private int _assignments;

    public MemberId Id => id;

    /// <summary>Requests that it has, by number: the oldest first.</summary>
    public SortedDictionary<long, GenerationRequest> Requests { get; } = [];

    /// <summary>Number of its leave; 0 while it stays.</summary>
    public int Leave { get; set; }

    /// <summary>Whether it still waits for a confirmation of its leave.</summary>
    public bool IsUnconfirmed { get; set; }

    /// <summary>Whether it could not be sent to since the last check.</summary>
    public bool IsUnreached { get; set; }

    /// <summary>Whether a report of it is there.</summary>
    public bool HasReported { get; set; }

    /// <summary>Timestamp of its last message.</summary>
    public long HeardAt { get; private set; } = now;

    /// <summary>Timestamp of the first request for a report that came after its last message; 0 when there was none.</summary>
    public long AskedAt { get; private set; }

    /// <summary>Whether it has not answered for so long that it keeps no requests and gets none until it does.</summary>
    public bool IsCutOff { get; set; }

    /// <summary>Cost of one step of all its requests, once they all generate.</summary>
    public double StepCost => (Requests.Count * _limits.Cost.Of(0, 1)) + (_limits.Cost.Position * (_tokens - Requests.Count));

    /// <summary>Outstanding work: what is to be computed until everything that it has generates, and a step of that.</summary>
    public double Work => _statement.PromptCost + _unstated.Sum(static request => request.Cost) + StepCost;

    /// <summary>Cost of one step of a request.</summary>
    public double StepCostOf(GenerationRequest request) => _limits.Cost.Of(Length(request) - 1, 1);

    /// <summary>It has sent something.</summary>
    public void OnHeard(long now)
    {
        HeardAt = now;
        AskedAt = 0;
        IsCutOff = false;
    }

    /// <summary>A report is requested.</summary>
    public void OnAsked(long now) => AskedAt = AskedAt == 0 ? now : AskedAt;

    public void OnStatement(in RankStatement statement)
    {
        _statement = statement;
        var assigned = statement.Assigned;
        _unstated.RemoveAll(request => request.Number <= assigned);
    }

    /// <summary>
    /// Whether the request can be given to it: there is room for it, or it may wait there. So that a rank never runs dry, as many may wait as one
    /// step reads, and one at least.
    /// </summary>
    public bool CanTake(GenerationRequest request) => Fits(request) || MayWait(request);

    /// <summary>Whether it has room to run the request at once.</summary>
    public bool Fits(GenerationRequest request)
    {
        var (pages, sequences) = (_statement.FreePages, _statement.FreeSequences);
        foreach (var unstated in _unstated)
        {
            pages -= unstated.Waits ? 0 : unstated.Pages;
            sequences -= unstated.Waits ? 0 : 1;
        }

        return sequences > 0 && _limits.PagesOf(Length(request) + 1) <= pages;
    }

    /// <summary>It gets the request.</summary>
    /// <returns>Number of the assignment.</returns>
    public int Add(GenerationRequest request)
    {
        var length = Length(request);
        _unstated.Add(new UnstatedRequest(++_assignments, request.Number, _limits.PagesOf(length + 1), length, _limits.Cost.Of(0, length), Waits: !Fits(request)));
        Requests.Add(request.Number, request);
        _tokens += length;
        return _assignments;
    }

    /// <summary>It has the request no more.</summary>
    public void Remove(GenerationRequest request)
    {
        if (!Requests.Remove(request.Number))
            return;
        _tokens -= Length(request);
        _unstated.RemoveAll(unstated => unstated.Request == request.Number);
    }

    /// <summary>One of its requests has got a token.</summary>
    public void OnToken() => _tokens++;

    private static int Length(GenerationRequest request) => request.Prompt.Length + request.Released.Count;

    private bool MayWait(GenerationRequest request)
    {
        if (Requests.Count == 0)
            return true; // whatever it has stated: its newest statement may have been lost, and with a request from here it states anew
        var waiting = _statement.WaitingTokens + _unstated.Sum(static unstated => unstated.Waits ? unstated.Tokens : 0);
        return waiting == 0 || waiting + Length(request) <= options.MaxPromptTokens;
    }
}
