namespace ElasticEp.Protocol;

/// <summary>What a heartbeat says of its rank, in the header's flags; its step is the last that is complete.</summary>
[Flags]
internal enum RankActivity : ushort
{
    /// <summary>It rests: nobody has work, or it is in no view.</summary>
    None = 0,

    /// <summary>A step is due or under way.</summary>
    HasStep = 1,

    /// <summary>Its attempt of the step has failed or was stopped; it is to be run again.</summary>
    IsRecovering = 2,

    /// <summary>It was told to stop, and its delegate has not ended.</summary>
    IsStopping = 4,

    /// <summary>It loads experts from the workload's source whose last copies were lost.</summary>
    IsReloading = 8,
}
