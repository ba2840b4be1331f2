namespace ElasticEp.Samples.Serving;

/// <summary>Is told what happens to requests, for metrics. Called under the front end's lock: it must be quick and call nothing of it. What it does not implement is not told.</summary>
public interface IServingObserver
{
    /// <summary>A token of a request was accepted; its times are still those before.</summary>
    void OnToken(GenerationRequest request, int rank, long now)
    {
    }

    /// <summary>Requests are not taken, or given up before any step with them.</summary>
    void OnRejected(Rejection reason, int requests)
    {
    }

    /// <summary>A rank had computed a request in part, which has to begin again on another one.</summary>
    void OnPreempted(int rank)
    {
    }

    /// <summary>A request of a lost rank has got its next token from another one.</summary>
    void OnReplayed(TimeSpan after)
    {
    }

    /// <summary>A request has ended.</summary>
    /// <param name="request">The request.</param>
    /// <param name="rank">Where it ran last; −1 when it waited.</param>
    /// <param name="reason">stop, length, abort or error.</param>
    void OnEnd(GenerationRequest request, int rank, string reason)
    {
    }

    /// <summary>A member has reported.</summary>
    void OnReport(MemberId member, RankReport report)
    {
    }

    /// <summary>A process is no member any more.</summary>
    void OnGone(MemberId member)
    {
    }
}
