namespace ElasticEp.Events;

/// <summary>Why a peer is taken for lost.</summary>
internal enum LossReason : byte
{
    /// <summary>Its connection has ended, or was never made, and could not be made in time.</summary>
    Unreachable = 0,

    /// <summary>Another process answers under its number, at its address.</summary>
    Replaced = 1,

    /// <summary>Its connection has ended, and nobody listens at its address any more.</summary>
    Refused = 2,

    /// <summary>No heartbeat has come for the silence time, and nobody who was asked has heard it.</summary>
    Silent = 3,

    /// <summary>It has not answered Stop in time: its delegate, or all of it, is stuck.</summary>
    Stuck = 4,

    /// <summary>It led a recovery, and no Start has come in time.</summary>
    NoStart = 5,

    /// <summary>It lives, but its link to another member stays down, and it is the one to go.</summary>
    Cut = 6,

    /// <summary>The two do not fit: another group, layout or release. No further attempt can help.</summary>
    Rejected = 7,

    /// <summary>Its heartbeats come, but it has handled nothing else for the recovery deadline: its core or its thread pool is stuck.</summary>
    Wedged = 8,

    /// <summary>Whoever started its process has seen it end.</summary>
    Ended = 9,
}
