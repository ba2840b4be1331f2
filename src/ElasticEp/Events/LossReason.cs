namespace ElasticEp.Events;

/// <summary>Why a peer is taken for lost.</summary>
internal enum LossReason : byte
{
    /// <summary>Its connection ended and could not be made again in time.</summary>
    Unreachable = 0,

    /// <summary>Another process answers under its number, at its address.</summary>
    Replaced = 1,
}
