namespace ElasticEp.Transports.Rdma.Connections;

/// <summary>Which machine this process runs on.</summary>
internal static class Machine
{
    /// <summary>Where Linux lists the RDMA cards.</summary>
    public const string Cards = "/sys/class/infiniband";

    private static readonly Lazy<string> Read = new(() => File.ReadAllText("/proc/sys/kernel/random/boot_id").Trim());

    /// <summary>The same in all its processes until it is started again, and nowhere else. Containers of one machine have the same, though they may share no memory.</summary>
    public static string Current => Read.Value;

    /// <summary>Whether it has an RDMA card.</summary>
    public static bool HasCard() => Directory.Exists(Cards) && Directory.EnumerateFileSystemEntries(Cards).Any();
}
