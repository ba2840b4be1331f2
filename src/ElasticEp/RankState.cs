namespace ElasticEp;

/// <summary>One rank in a <see cref="GroupStatus"/>.</summary>
public sealed class RankState
{
    internal RankState(int rank, RankCondition condition, DateTimeOffset since, string reason) => (Rank, Condition, Since, Reason) = (rank, condition, since, reason);

    /// <summary>Its number.</summary>
    public int Rank { get; }

    /// <summary>How it is.</summary>
    public RankCondition Condition { get; }

    /// <summary>Since when, by the clock of this process.</summary>
    public DateTimeOffset Since { get; }

    /// <summary>Why, in words; empty for a member that serves.</summary>
    public string Reason { get; }

    /// <summary>Its process; null for a joiner that has not registered.</summary>
    public GroupMember? Member { get; internal init; }

    /// <summary>Id of its process on its machine, as it said when it registered; null before.</summary>
    public int? ProcessId { get; internal init; }
}
