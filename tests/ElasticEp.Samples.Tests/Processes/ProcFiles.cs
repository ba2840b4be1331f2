using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace ElasticEp.Samples.Tests.Processes;

/// <summary>What the system says of processes; Linux only.</summary>
internal static partial class ProcFiles
{
    public const int SigInt = 2;
    public const int SigKill = 9;
    public const int SigUsr1 = 10;
    public const int SigTerm = 15;
    public const int SigCont = 18;
    public const int SigStop = 19;

    /// <summary>Why the tests of processes do not run here, or null.</summary>
    public static string? Missing => OperatingSystem.IsLinux() ? null : "These tests read /proc, which only Linux has.";

    public static void Require() => Assert.SkipWhen(Missing is not null, Missing ?? "");

    public static int[] Children(int parent) => [.. Directory.GetDirectories("/proc")
        .Select(directory => int.TryParse(Path.GetFileName(directory), CultureInfo.InvariantCulture, out var id) ? id : 0)
        .Where(id => id > 0 && ParentOf(id) == parent)
        .Order()];

    public static bool IsAlive(int id) => ParentOf(id) >= 0;

    public static int Descriptors(int id) => Directory.GetFiles($"/proc/{id}/fd").Length;

    public static int Threads(int id) => Directory.GetDirectories($"/proc/{id}/task").Length;

    /// <summary>Resident memory in bytes.</summary>
    public static long Resident(int id) => long.Parse(File.ReadAllText($"/proc/{id}/statm").Split(' ')[1], CultureInfo.InvariantCulture) * Environment.SystemPageSize;

    public static void Terminate(int id) => Send(id, SigTerm);

    public static void Send(int id, int signal) => Assert.Equal(0, Kill(id, signal));

    /// <summary>Processes that have a text among their arguments.</summary>
    public static int[] WithArgument(string text) => [.. Directory.GetDirectories("/proc")
        .Select(directory => int.TryParse(Path.GetFileName(directory), CultureInfo.InvariantCulture, out var id) ? id : 0)
        .Where(id => id > 0 && IsAlive(id) && ArgumentsOf(id).Contains(text))];

    public static string[] ArgumentsOf(int id) => Words(id, "cmdline");

    /// <summary>Variables that a process was started with, each as <c>name=value</c>.</summary>
    public static string[] VariablesOf(int id) => Words(id, "environ");

    private static string[] Words(int id, string file)
    {
        try
        {
            return File.ReadAllText($"/proc/{id}/{file}").Split('\0');
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    // Field 4; the name in field 2 may have spaces. A zombie is gone.
    private static int ParentOf(int id)
    {
        try
        {
            var fields = File.ReadAllText($"/proc/{id}/stat").Split(") ").Last().Split(' ');
            return fields[0] == "Z" ? -1 : int.Parse(fields[1], CultureInfo.InvariantCulture);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return -1;
        }
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int process, int signal);

    /// <summary>A port of this machine that was free a moment ago.</summary>
    public static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
