namespace ElasticEp.Transports.Rdma.Connections;

/// <summary>What the options mean in UCX's words. Settings are made on the context; those of the environment stay where nothing is said.</summary>
internal static class UcxSettings
{
    private const string Transports = "TLS";
    private const string SharedMemoryFailures = "MM_ERROR_HANDLING";

    private static readonly string[] SharedMemory = ["all", "shm", "sm", "mm", "posix", "sysv", "xpmem"];

    public static IEnumerable<KeyValuePair<string, string>> From(RdmaOptions options)
    {
        if (options.Transports is { } transports)
            yield return new(Transports, transports);
        if (options.Devices is { } devices)
            yield return new("NET_DEVICES", devices);

        // Without it UCX takes no shared memory where the failure of a peer has to be reported, and goes over TCP on one host. Where there is no
        // such transport it would warn that it does not know the setting.
        if (UsesSharedMemory(options.Transports ?? Environment.GetEnvironmentVariable("UCX_TLS") ?? "all"))
            yield return new(SharedMemoryFailures, "y");
        yield return new("KEEPALIVE_INTERVAL", FormattableString.Invariant($"{options.KeepAliveInterval.TotalSeconds:0.###}s"));
        foreach (var setting in options.Settings)
            yield return setting;
    }

    private static bool UsesSharedMemory(string transports)
    {
        var named = transports.TrimStart('^').Split(',', StringSplitOptions.TrimEntries);
        return transports.StartsWith('^') ? !named.Contains("sm") && !named.Contains("shm") : named.Any(SharedMemory.Contains);
    }
}
