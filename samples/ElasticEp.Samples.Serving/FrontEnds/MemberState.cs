namespace ElasticEp.Samples.Serving.FrontEnds;

/// <summary>A member as the front end knows it.</summary>
internal sealed class MemberState(MemberId id)
{
    public MemberId Id => id;

    /// <summary>Requests that it has, the oldest first.</summary>
    public SortedDictionary<long, GenerationRequest> Requests { get; } = [];

    /// <summary>Number of its leave; 0 while it stays.</summary>
    public int Leave { get; set; }

    /// <summary>Whether it still waits for a confirmation of its leave.</summary>
    public bool IsUnconfirmed { get; set; }

    /// <summary>Whether it could not be sent to since the last check.</summary>
    public bool IsUnreached { get; set; }

    /// <summary>Whether a report of it is there.</summary>
    public bool HasReported { get; set; }
}
