using ElasticEp.Events;

namespace ElasticEp.Membership;

/// <summary>What a <see cref="PeerCore"/> knows of one process.</summary>
internal sealed class KnownPeer
{
    /// <summary>Where it is, while it is wanted.</summary>
    public GroupMember? Wanted { get; set; }

    public bool IsStillWanted { get; set; }

    public bool IsConnected { get; set; }

    public bool WasConnected { get; set; }

    public bool IsDialing { get; set; }

    public TimeSpan UpSince { get; set; }

    public TimeSpan DialAt { get; set; }

    /// <summary>Attempts to connect that failed in a row.</summary>
    public int FailedDials { get; set; }

    /// <summary>What came of the last attempt, or how the connection ended.</summary>
    public string DialDetail { get; set; } = "";

    /// <summary>Since when it is wanted and not connected.</summary>
    public TimeSpan DownSince { get; set; }

    public bool IsMonitored { get; set; }

    public TimeSpan LastSeenAt { get; set; }

    /// <summary>Since when it has handled nothing but sent heartbeats; null while it gets on.</summary>
    public TimeSpan? WedgedSince { get; set; }

    public TimeSpan? SeenByOthersAt { get; set; }

    public bool IsSuspected { get; set; }

    public LossReason? Loss { get; set; }

    public string LossDetail { get; set; } = "";

    public TimeSpan LostSince { get; set; }

    /// <summary>From the first sign until it was taken for lost.</summary>
    public TimeSpan DetectionTime { get; set; }
}
