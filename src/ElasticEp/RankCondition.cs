namespace ElasticEp;

/// <summary>How a rank is, as a client of the group sees it.</summary>
public enum RankCondition
{
    /// <summary>A member that is heard.</summary>
    Serving,

    /// <summary>A member that may be lost: its connection has ended, nothing is heard of it, or it does not end its step.</summary>
    Suspected,

    /// <summary>A member that has ended, or of which nothing was heard for the silence time: seven heartbeats.</summary>
    Lost,

    /// <summary>No member yet: the operation under way adds it.</summary>
    Joining,

    /// <summary>A member, or one until a moment ago, that the operation under way removes.</summary>
    Leaving,

    /// <summary>A member that loads experts from the workload's source, because their last copies were lost; no step runs until it has them.</summary>
    Repairing,

    /// <summary>No member, and no operation wants it yet: it waits to be admitted, and fetches weights meanwhile.</summary>
    Standby,
}
