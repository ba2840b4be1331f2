using System.Runtime.InteropServices;

namespace ElasticEp.Hosting.Processes;

/// <summary>Ends the process at once, running nothing.</summary>
internal static partial class NativeExit
{
    [LibraryImport("libc", EntryPoint = "_exit")]
    public static partial void Exit(int code);
}
