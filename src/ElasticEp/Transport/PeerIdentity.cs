namespace ElasticEp.Transport;

/// <summary>Who a process is to its peers; compared and exchanged when two connect.</summary>
/// <param name="Group">Name of the group.</param>
/// <param name="Id">Number and incarnation.</param>
/// <param name="Address">Where the process can be reached.</param>
/// <param name="Layout">
/// Everything the two ends must agree on (row type, hidden size, top-k, experts, capacity, lanes) as text, so that a mismatch can
/// name both values.
/// </param>
public sealed record PeerIdentity(string Group, MemberId Id, string Address, string Layout)
{
    /// <summary>Whether the peer is a rank, not a client.</summary>
    public bool IsRank => Id.IsRank;

    /// <summary>
    /// The latest version of the group's messages that the process reads. A transport carries it with the rest, and judges nothing by it.
    /// </summary>
    public byte ReadsVersion { get; init; }
}
