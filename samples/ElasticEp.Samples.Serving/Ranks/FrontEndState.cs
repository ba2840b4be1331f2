using ElasticEp.Samples.Serving.Messages;

namespace ElasticEp.Samples.Serving.Ranks;

/// <summary>A front end as a rank knows it.</summary>
internal sealed class FrontEndState
{
    /// <summary>Whether it could not be reached, and nothing has come from it since.</summary>
    public bool IsLost { get; set; }

    /// <summary>Number of its newest assignment.</summary>
    public int Assigned { get; set; }

    /// <summary>The newest statement to it; null before the first.</summary>
    public RankStatement? Stated { get; set; }

    /// <summary>Tokens that the step has brought it.</summary>
    public List<ReleasedToken> Tokens { get; } = [];
}
