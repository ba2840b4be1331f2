namespace ElasticEp.Transports.Tcp.Transport;

/// <summary>What a transport knows of one peer: the connection, and attempts to make one. Guarded by its own lock.</summary>
internal sealed class PeerSlot
{
    public Lock Lock { get; } = new();

    /// <summary>Registrations of connections come one after another.</summary>
    public SemaphoreSlim Registering { get; } = new(1, 1);

    /// <summary>The registered connection, until its end is told.</summary>
    public TcpConnection? Current { get; set; }

    /// <summary>An attempt of this end.</summary>
    public ConnectAttempt? Outgoing { get; set; }

    /// <summary>An attempt of the other end that was accepted, and whose links are still coming.</summary>
    public IncomingConnection? Incoming { get; set; }

    /// <summary>Number of the last connection that ended; zero for none.</summary>
    public long LastEnded { get; set; }

    /// <summary>The newest incarnation that was ever connected.</summary>
    public long Incarnation { get; set; }
}
