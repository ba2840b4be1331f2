namespace ElasticEp.Transport;

/// <summary>What two ends compare before the first frame.</summary>
internal static class Handshake
{
    /// <param name="self">Who wants to connect.</param>
    /// <param name="other">Who answers.</param>
    /// <param name="wanted">Who is wanted.</param>
    /// <exception cref="ElasticEpException">They do not fit; the message names both values.</exception>
    public static void Check(PeerIdentity self, PeerIdentity other, MemberId wanted)
    {
        if (other.Id.Rank != wanted.Rank)
            throw Incompatible($"{wanted} was expected at {other.Address}, but {other.Id} answers", wanted);
        if (other.Group != self.Group)
            throw Incompatible($"{other.Id} belongs to group '{other.Group}', this process to '{self.Group}'", wanted);
        if (other.Id.Incarnation > wanted.Incarnation)
            throw Refusal(ElasticEpErrorCode.PeerReplaced, $"{wanted} was expected at {other.Address}, but {other.Id} answers: a newer process has its number", wanted);
        if (other.Id.Incarnation < wanted.Incarnation)
            throw Refusal(ElasticEpErrorCode.PeerLost, $"{wanted} was expected at {other.Address}, but {other.Id} answers: an older process has the address still", wanted);
        if (other.Layout != self.Layout)
            throw Incompatible($"the layouts differ: {Differences(self.Layout, other)}. Give all processes the same options", wanted);
        if (other.Id.Rank == self.Id.Rank)
            throw Incompatible($"both ends are rank {self.Id.Rank}, here as {self.Id} at {self.Address}, there as {other.Id} at {other.Address}", wanted);
    }

    public static ElasticEpException Incompatible(string what, MemberId peer) => Refusal(ElasticEpErrorCode.Incompatible, what, peer);

    private static ElasticEpException Refusal(ElasticEpErrorCode code, string what, MemberId peer) => new(code, $"Cannot connect: {what}.") { Rank = peer.Rank };

    private static string Differences(string layout, PeerIdentity other)
    {
        var (here, there) = (Parts(layout), Parts(other.Layout));
        var differences = here.Keys.Union(there.Keys)
            .Where(key => here.GetValueOrDefault(key) != there.GetValueOrDefault(key))
            .Select(key => $"{here.GetValueOrDefault(key) ?? $"no {key}"} here, {there.GetValueOrDefault(key) ?? $"no {key}"} at {other.Id}");
        var named = string.Join("; ", differences);
        return named.Length > 0 ? named : $"'{layout}' here, '{other.Layout}' at {other.Id}"; // the same parts in another order
    }

    private static Dictionary<string, string> Parts(string layout)
    {
        var parts = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var part in layout.Split(';', StringSplitOptions.RemoveEmptyEntries))
            parts[part.Split('=')[0]] = part;
        return parts;
    }
}
