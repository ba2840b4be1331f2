namespace ElasticEp.Events;

/// <summary>How one attempt to connect has ended.</summary>
internal enum DialResult : byte
{
    /// <summary>The two are connected, or were a moment ago.</summary>
    Connected,

    /// <summary>Nobody listens at the address.</summary>
    Refused,

    /// <summary>There was no answer, or the connection broke on the way.</summary>
    Unreachable,

    /// <summary>Another incarnation of the peer answers.</summary>
    Replaced,

    /// <summary>Who answers refuses: another group, layout, secret or release.</summary>
    Rejected,
}
