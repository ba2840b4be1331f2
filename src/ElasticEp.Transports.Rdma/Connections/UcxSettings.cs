namespace ElasticEp.Transports.Rdma.Connections;

/// <summary>What the options mean in UCX's words. Settings are made on the context; those of the environment stay where nothing is said.</summary>
internal static class UcxSettings
{
    private const string Transports = "TLS";
    private const string Devices = "NET_DEVICES";
    private const string KeepAlive = "KEEPALIVE_INTERVAL";
    private const string SharedMemoryFailures = "MM_ERROR_HANDLING";

    /// <summary>
    /// Messages that a process has room for. UCX cannot close a connection to one that takes none while there is no room, even if it is dead, so
    /// there is more than the frames in flight of a peer need; each takes 8 KiB.
    /// </summary>
    private const string SharedMemoryQueue = "MM_FIFO_SIZE";

    /// <summary>The shortest time that settings can say.</summary>
    public static readonly TimeSpan Shortest = TimeSpan.FromMilliseconds(1);

    private static readonly string[] SharedMemoryPrefixes = ["MM_", "POSIX_", "SYSV_", "XPMEM_"];
    private static readonly string[] SharedMemory = ["all", "shm", "sm", "mm", "posix", "sysv", "xpmem"];

    /// <summary>The option that says what a setting says, if there is one: only there it is checked, and seen by what depends on it.</summary>
    public static string? OptionFor(string setting) => setting switch
    {
        Transports => nameof(RdmaOptions.Transports),
        Devices => nameof(RdmaOptions.Devices),
        KeepAlive => nameof(RdmaOptions.KeepAliveInterval),
        _ => null,
    };

    public static IEnumerable<KeyValuePair<string, string>> From(RdmaOptions options)
    {
        if (options.Transports is { } transports)
            yield return new(Transports, transports);
        if (options.Devices is { } devices)
            yield return new(Devices, devices);

        // Without it UCX takes no shared memory where the failure of a peer has to be reported, and goes over TCP on one host. Where there is no
        // such transport it would warn that it does not know the setting.
        if (UsesSharedMemory(options))
        {
            yield return new(SharedMemoryFailures, "y");
            yield return new(SharedMemoryQueue, "512");
        }

        yield return new("RNDV_SCHEME", "get_zcopy"); // who receives reads; nobody is told where it could write
        yield return new(KeepAlive, FormattableString.Invariant($"{options.KeepAliveInterval.TotalSeconds:0.###}s"));
        foreach (var setting in options.Settings)
            yield return setting;
    }

    /// <summary>
    /// What all processes of a group have to say alike: UCX takes a peer's queue to be laid out as its own, and reads at random where it is not.
    /// </summary>
    public static string LayoutOf(RdmaOptions options) => string.Concat(options.Settings
        .Where(setting => SharedMemoryPrefixes.Any(prefix => setting.Key.StartsWith(prefix, StringComparison.Ordinal)))
        .OrderBy(setting => setting.Key, StringComparer.Ordinal)
        .Select(setting => $";{setting.Key}={setting.Value}"));

    /// <summary>Whether processes of one machine may share memory.</summary>
    public static bool UsesSharedMemory(RdmaOptions options)
    {
        var transports = options.Transports ?? Environment.GetEnvironmentVariable("UCX_TLS") ?? "all";
        var named = transports.TrimStart('^').Split(',', StringSplitOptions.TrimEntries);
        return transports.StartsWith('^') ? !named.Contains("sm") && !named.Contains("shm") : named.Any(SharedMemory.Contains);
    }
}
