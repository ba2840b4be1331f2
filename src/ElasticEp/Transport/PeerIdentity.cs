namespace ElasticEp.Transport;

/// <summary>Who a process is to its peers; compared and exchanged when two connect.</summary>
/// <param name="Group">Name of the group.</param>
/// <param name="Peer">Rank, or a negative number for a client.</param>
/// <param name="Incarnation">Grows each time a process takes the same number; an older one is refused.</param>
/// <param name="Address">Where the process can be reached.</param>
/// <param name="Layout">
/// Everything the two ends must agree on (protocol version, row type, hidden size, top-k, experts, capacity, lanes) as text,
/// so that a mismatch can name both values.
/// </param>
public sealed record PeerIdentity(string Group, int Peer, long Incarnation, string Address, string Layout)
{
    /// <summary>Whether the peer is a rank, not a client.</summary>
    public bool IsRank => Peer >= 0;
}
