using System.Runtime.InteropServices;
using ElasticEp.Transports.Rdma.Native;

namespace ElasticEp.Transports.Rdma;

/// <summary>UCX, the library that the RDMA transport stands on: whether it is there, and which release.</summary>
public static class UcxLibrary
{
    internal const string FileName = "libucp.so.0";

    /// <summary>What <see cref="FileName"/> is linked with; found through it, whatever its own file is called.</summary>
    internal const string ServicesFileName = "libucs.so.0";

    /// <summary>Environment variable that names the library's file, for one that the loader does not find.</summary>
    internal const string PathVariable = "ELASTICEP_UCX_LIBRARY";

    private const string SignalsVariable = "UCX_HANDLE_ERRORS";

    private static readonly Version Oldest = new((int)UcpApi.MajorVersion, (int)UcpApi.MinorVersion);
    private static readonly Version LeavesSignals = new(1, 20);
    private static readonly Lazy<(Version? Version, string Reason, bool WasThere)> Found = new(Find);

    /// <summary>Whether UCX 1.13 or later can be used in this process.</summary>
    public static bool IsSupported => Found.Value.Version is not null;

    /// <summary>Why UCX cannot be used, and what to do about it; empty when it can.</summary>
    public static string NotSupportedReason => Found.Value.Reason;

    /// <summary>The release that is loaded; null when UCX cannot be used.</summary>
    public static Version? Version => Found.Value.Version;

    /// <summary>Somebody else had loaded UCX before, so that what keeps it from taking signals came too late.</summary>
    internal static bool MayTakeSignals => Found.Value is { WasThere: true } found && found.Version < LeavesSignals && Environment.GetEnvironmentVariable(SignalsVariable) != "none";

    /// <summary>Whether UCX is in the process.</summary>
    internal static bool IsLoaded => File.ReadLines("/proc/self/maps").Any(line => line.Contains("/libucs.so", StringComparison.Ordinal));

    /// <exception cref="ElasticEpException"><see cref="ElasticEpErrorCode.InvalidState"/>: UCX cannot be used; the message says why.</exception>
    internal static void Require()
    {
        if (!IsSupported)
            throw new ElasticEpException(ElasticEpErrorCode.InvalidState, NotSupportedReason);
    }

    private static (Version? Version, string Reason, bool WasThere) Find()
    {
        if (!OperatingSystem.IsLinux() || !Environment.Is64BitProcess)
            return (null, "The RDMA transport runs on 64-bit Linux only; use the TCP transport.", false);
        var wasThere = IsLoaded;
        KeepSignals();
        var path = Environment.GetEnvironmentVariable(PathVariable) is { Length: > 0 } given ? given : FileName;
        nint library;
        try
        {
            library = NativeLibrary.Load(path);
        }
        catch (Exception exception) when (exception is DllNotFoundException or BadImageFormatException)
        {
            var why = exception.Message.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)[^1]; // the loader's last word, after what it tried
            return (null, $"UCX cannot be loaded: {why}. Install it (libucx0 on Debian and Ubuntu, ucx on RHEL), name its file in {PathVariable}, or use the TCP transport.", wasThere);
        }

        NativeLibrary.SetDllImportResolver(typeof(UcxLibrary).Assembly, (name, _, _) => name is FileName or ServicesFileName ? library : 0); // a look-up goes on to what it is linked with
        UcpApi.ucp_get_version(out var major, out var minor, out var release);
        var version = new Version((int)major, (int)minor, (int)release);
        return version >= Oldest ? (version, "", wasThere) : (null, $"UCX {version} is installed; the RDMA transport needs {Oldest} or later.", wasThere);
    }

    /// <summary>
    /// UCX before 1.20 takes the signals that .NET makes exceptions of, and ends the process at the first null reference. It reads these
    /// variables once, while it is loaded; what the user has set stays.
    /// </summary>
    private static void KeepSignals()
    {
        _ = UcpApi.setenv(SignalsVariable, "none", overwrite: 0);
        _ = UcpApi.setenv("UCX_DEBUG_SIGNO", "0", overwrite: 0);
    }
}
