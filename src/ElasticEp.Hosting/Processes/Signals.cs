using System.Diagnostics;
using System.Runtime.InteropServices;

namespace ElasticEp.Hosting.Processes;

/// <summary>Requests a process to shut down cleanly, where the system has such a signal.</summary>
internal static partial class Signals
{
    private const int Terminate = 15; // SIGTERM

    /// <summary>False when it cannot be asked: it is gone, or there are no signals here.</summary>
    public static bool TryTerminate(Process process)
    {
        try
        {
            return !OperatingSystem.IsWindows() && Kill(process.Id, Terminate) == 0;
        }
        catch (InvalidOperationException)
        {
            return false;
        }
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int process, int signal);
}
