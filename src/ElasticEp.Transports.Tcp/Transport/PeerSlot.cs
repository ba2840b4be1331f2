namespace ElasticEp.Transports.Tcp.Transport;

/// <summary>The connection to one peer, and attempts to make one. Guarded by its own lock.</summary>
internal sealed class PeerSlot(MemberId peer)
{
    private int _users; // attempts and connections
    private bool _isGone;

    public MemberId Peer { get; } = peer;

    public Lock Lock { get; } = new();

    /// <summary>Registrations of connections come one after another.</summary>
    public SemaphoreSlim Registering { get; } = new(1, 1);

    /// <summary>The registered connection, until its end was reported.</summary>
    public TcpConnection? Current { get; set; }

    /// <summary>An attempt of this end.</summary>
    public ConnectAttempt? Outgoing { get; set; }

    /// <summary>An attempt of the other end that was accepted, and whose links are still coming.</summary>
    public IncomingConnection? Incoming { get; set; }

    /// <summary>Keeps the slot in its table; false when its last user has left.</summary>
    public bool TryEnter()
    {
        lock (Lock)
        {
            if (_isGone)
                return false;
            _users++;
            return true;
        }
    }

    /// <returns>Whether that was the last user.</returns>
    public bool Leave()
    {
        lock (Lock)
            return _isGone = --_users == 0;
    }
}
