using System.Globalization;
using System.Numerics;

namespace ElasticEp.Transports.Rdma.Connections;

/// <summary>What the options mean in UCX's words. Settings are made on the context; those of the environment stay where nothing is said.</summary>
internal static class UcxSettings
{
    private const string Transports = "TLS";
    private const string Devices = "NET_DEVICES";
    private const string KeepAlive = "KEEPALIVE_INTERVAL";
    private const string SharedMemoryFailures = "MM_ERROR_HANDLING";

    private const string SharedMemoryQueue = "MM_FIFO_SIZE";
    private const int SmallestQueue = 512;
    private const int QueuePlace = 8 << 10; // bytes

    /// <summary>The shortest time that settings can say.</summary>
    public static readonly TimeSpan Shortest = TimeSpan.FromMilliseconds(1);

    private static readonly string[] SharedMemoryPrefixes = ["MM_", "POSIX_", "SYSV_", "XPMEM_"];
    private static readonly string[] SharedMemory = ["all", "shm", "sm", "mm", "posix", "sysv", "xpmem"];

    private static string? EnvironmentsTransports => Environment.GetEnvironmentVariable("UCX_TLS");

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
            yield return new(Transports, WithoutBlanks(transports));
        if (options.Devices is { } devices)
            yield return new(Devices, WithoutBlanks(devices));

        // Without it UCX takes no shared memory where the failure of a peer has to be reported, and goes over TCP on one host. Where there is no
        // such transport it would warn that it does not know the setting.
        if (UsesSharedMemory(options))
        {
            yield return new(SharedMemoryFailures, "y");
            yield return new(SharedMemoryQueue, QueueOf(options).ToString(CultureInfo.InvariantCulture));
        }

        yield return new("RNDV_SCHEME", "get_zcopy"); // who receives reads; nobody is told where it could write
        yield return new(KeepAlive, FormattableString.Invariant($"{options.KeepAliveInterval.TotalSeconds:0.###}s"));
        foreach (var setting in options.Settings)
            yield return setting;
    }

    /// <summary>
    /// What all processes of a group have to say alike: UCX takes a peer's queue to be laid out as its own, and reads at random where it is not.
    /// </summary>
    public static string LayoutOf(RdmaOptions options)
    {
        var settings = new SortedDictionary<string, string>(options.Settings, StringComparer.Ordinal);
        if (UsesSharedMemory(options) && QueueOf(options) is > SmallestQueue and var queue)
            settings.TryAdd(SharedMemoryQueue, queue.ToString(CultureInfo.InvariantCulture));
        return string.Concat(settings
            .Where(setting => SharedMemoryPrefixes.Any(prefix => setting.Key.StartsWith(prefix, StringComparison.Ordinal)))
            .Select(setting => $";{setting.Key}={setting.Value}"));
    }

    /// <summary>Whether neither the options nor the environment say what UCX may use.</summary>
    public static bool LeavesTransportsToUcx(RdmaOptions options) => options.Transports is null && EnvironmentsTransports is null;

    /// <summary>Whether processes of one machine may share memory.</summary>
    public static bool UsesSharedMemory(RdmaOptions options)
    {
        var transports = options.Transports ?? EnvironmentsTransports ?? "all";
        var named = NamesOf(transports);
        return IsExclusion(transports) ? !named.Contains("sm") && !named.Contains("shm") : named.Any(SharedMemory.Contains);
    }

    /// <summary>The names of a list as UCX has them, also of one that says what may not be used.</summary>
    public static string[] NamesOf(string list) => list.Trim().TrimStart('^').Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);

    private static bool IsExclusion(string list) => list.AsSpan().Trim().StartsWith('^');

    /// <summary>UCX takes a blank for a part of the name beside it, and knows no such device.</summary>
    private static string WithoutBlanks(string list) => (IsExclusion(list) ? "^" : "") + string.Join(',', NamesOf(list));

    /// <summary>
    /// Messages that a process has room for from one peer: the frames in flight of both links, each in as many parts as it takes, and what is said
    /// about as many frames the other way. UCX cannot close a connection to a process that takes nothing while there is no room, even if it is dead.
    /// </summary>
    private static int QueueOf(RdmaOptions options)
    {
        var parts = (options.EagerLimit / QueuePlace) + 1;
        var needed = 2 * options.FramesInFlight * (parts + 1);
        return Math.Max(SmallestQueue, (int)BitOperations.RoundUpToPowerOf2((uint)needed)); // UCX takes powers of two only
    }
}
