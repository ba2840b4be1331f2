namespace ElasticEp.Protocol;

/// <summary>What an operation is for. All kinds run through the same machine.</summary>
internal enum OperationKind : byte
{
    /// <summary>The first view.</summary>
    Birth = 0,

    /// <summary>Other members, requested by a user.</summary>
    Scale = 1,

    /// <summary>A rank's host is stopping; waits its turn instead of being refused.</summary>
    Leave = 2,

    /// <summary>The group ends.</summary>
    Stop = 3,

    /// <summary>Members and copies that were lost are made good; the coordinator begins it by itself.</summary>
    Repair = 4,
}
