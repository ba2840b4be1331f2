namespace ElasticEp.Tests.Simulation;

/// <summary>What a group is about when one of its processes is killed.</summary>
internal enum SimOccasion
{
    /// <summary>No operation is under way.</summary>
    Steps,

    /// <summary>The first view.</summary>
    Birth,

    /// <summary>Ranks join.</summary>
    Growth,

    /// <summary>Ranks are taken out.</summary>
    Shrinking,

    /// <summary>Ranks join, and others are taken out.</summary>
    Exchange,

    /// <summary>A rank has asked to leave.</summary>
    Leave,

    /// <summary>What was lost is made good.</summary>
    Repair,

    /// <summary>The attempt has failed, on this rank at least.</summary>
    Recovery,

    /// <summary>The group is stopped.</summary>
    Stop,
}
