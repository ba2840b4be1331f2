namespace ElasticEp.Membership;

/// <summary>Which peers are connected, and which are taken for lost. Facts only; the cores share them and decide.</summary>
internal sealed class PeerLinks
{
    private readonly HashSet<MemberId> _connected = [];
    private readonly HashSet<MemberId> _lost = [];

    /// <summary>Connected peers, by rank.</summary>
    public IEnumerable<MemberId> Connected => _connected.OrderBy(peer => peer.Rank).ThenBy(peer => peer.Incarnation);

    public bool IsConnected(MemberId peer) => _connected.Contains(peer);

    public bool IsLost(MemberId peer) => _lost.Contains(peer);

    public void OnUp(MemberId peer)
    {
        _connected.Add(peer);
        _lost.Remove(peer);
    }

    /// <returns>False when it was not connected: the end of a connection that this rank ended itself.</returns>
    public bool OnDown(MemberId peer) => _connected.Remove(peer);

    /// <returns>False when that is known, or wrong: a loss takes time to be certain, and the peer may be back.</returns>
    public bool OnLost(MemberId peer) => !_connected.Contains(peer) && _lost.Add(peer);

    /// <summary>Forgets losses of processes in whose place another one is a member.</summary>
    public void ForgetReplaced(GroupView view) => _lost.RemoveWhere(peer => view.Find(peer.Rank) is { } member && member.Incarnation > peer.Incarnation);
}
