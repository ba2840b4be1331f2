namespace ElasticEp.Transports.Tcp.Connecting;

/// <summary>The versions of a protocol that a process speaks, so that two releases can talk while one replaces the other.</summary>
internal readonly record struct VersionRange(byte Lowest, byte Highest)
{
    /// <summary>The version that two processes use; null when they have none in common.</summary>
    public byte? HighestCommon(VersionRange other)
    {
        var highest = Math.Min(Highest, other.Highest);
        return highest >= Math.Max(Lowest, other.Lowest) ? highest : null;
    }

    public override string ToString() => Lowest == Highest ? $"version {Lowest}" : $"versions {Lowest} to {Highest}";
}
