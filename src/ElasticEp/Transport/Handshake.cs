namespace ElasticEp.Transport;

/// <summary>What two ends compare before the first frame.</summary>
internal static class Handshake
{
    /// <exception cref="ElasticEpException">They do not fit; the message names both values.</exception>
    public static void Check(PeerIdentity self, PeerIdentity other, int expectedPeer)
    {
        if (other.Peer != expectedPeer)
            throw Incompatible($"peer {expectedPeer} was expected at {other.Address}, but peer {other.Peer} answers");
        if (other.Group != self.Group)
            throw Incompatible($"peer {other.Peer} belongs to group '{other.Group}', this process to '{self.Group}'");
        if (other.Layout == self.Layout)
            return;
        var differences = self.Layout.Split(';').Zip(other.Layout.Split(';')).Where(pair => pair.First != pair.Second).Select(pair => $"{pair.First} here, {pair.Second} at peer {other.Peer}");
        throw Incompatible($"the layouts differ: {string.Join("; ", differences)}. Give all processes the same options");
    }

    private static ElasticEpException Incompatible(string what) => new(ElasticEpErrorCode.Incompatible, $"Cannot connect: {what}.");
}
