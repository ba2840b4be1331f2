namespace ElasticEp.Transport;

/// <summary>What two ends compare before the first frame.</summary>
internal static class Handshake
{
    /// <exception cref="ElasticEpException">They do not fit; the message names both values.</exception>
    public static void Check(PeerIdentity self, PeerIdentity other, int expectedPeer)
    {
        if (other.Peer != expectedPeer)
            throw Incompatible($"peer {expectedPeer} was expected at {other.Address}, but peer {other.Peer} answers", expectedPeer);
        if (other.Group != self.Group)
            throw Incompatible($"peer {other.Peer} belongs to group '{other.Group}', this process to '{self.Group}'", expectedPeer);
        if (other.Layout != self.Layout)
            throw Incompatible($"the layouts differ: {Differences(self.Layout, other)}. Give all processes the same options", expectedPeer);
    }

    /// <summary>An older process of a number that has been taken again is refused, even when the newer one has gone.</summary>
    /// <param name="peer">Who wants to connect.</param>
    /// <param name="newest">The newest incarnation of each peer that the other end has met.</param>
    /// <exception cref="ElasticEpException">The peer is an older one.</exception>
    public static void CheckIncarnation(PeerIdentity peer, IReadOnlyDictionary<int, long> newest)
    {
        if (newest.TryGetValue(peer.Peer, out var incarnation) && incarnation > peer.Incarnation)
            throw Incompatible($"peer {peer.Peer} has a newer incarnation {incarnation}; incarnation {peer.Incarnation} is refused", peer.Peer);
    }

    public static ElasticEpException Incompatible(string what, int peer) => new(ElasticEpErrorCode.Incompatible, $"Cannot connect: {what}.") { Rank = peer };

    private static string Differences(string layout, PeerIdentity other)
    {
        var (here, there) = (Parts(layout), Parts(other.Layout));
        var differences = here.Keys.Union(there.Keys)
            .Where(key => here.GetValueOrDefault(key) != there.GetValueOrDefault(key))
            .Select(key => $"{here.GetValueOrDefault(key) ?? $"no {key}"} here, {there.GetValueOrDefault(key) ?? $"no {key}"} at peer {other.Peer}");
        var told = string.Join("; ", differences);
        return told.Length > 0 ? told : $"'{layout}' here, '{other.Layout}' at peer {other.Peer}"; // the same parts in another order
    }

    private static Dictionary<string, string> Parts(string layout)
    {
        var parts = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var part in layout.Split(';', StringSplitOptions.RemoveEmptyEntries))
            parts[part.Split('=')[0]] = part;
        return parts;
    }
}
