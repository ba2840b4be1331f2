#pragma warning disable RS0030 // standard input is the pipe to the parent
using System.Runtime.InteropServices;

namespace ElasticEp.Hosting.Processes;

/// <summary>
/// Ends this process when its parent is gone: the parent holds the other end of standard input. It also leaves Ctrl-C and Ctrl-\ to the
/// parent, which shuts its workers down cleanly.
/// </summary>
internal sealed class ParentWatch : IDisposable
{
    /// <summary>Exit code of a worker whose parent vanished.</summary>
    public const int ParentGone = 125;

    private readonly PosixSignalRegistration _interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, static context => context.Cancel = true);
    private readonly PosixSignalRegistration _quit = PosixSignalRegistration.Create(PosixSignal.SIGQUIT, static context => context.Cancel = true);

    public ParentWatch() => new Thread(Watch) { IsBackground = true, Name = "ElasticEp parent watch" }.Start();

    public void Dispose()
    {
        _interrupt.Dispose();
        _quit.Dispose();
    }

    // A thread of its own: it must notice even when everything else hangs. There is nobody left to say goodbye to.
    private static void Watch()
    {
        using var pipe = Console.OpenStandardInput();
        Span<byte> byteOfParent = stackalloc byte[1];
        try
        {
            while (pipe.Read(byteOfParent) > 0)
            {
            }
        }
        catch (IOException)
        {
            // the same
        }

        EndProcess(ParentGone);
    }

    // Not Environment.Exit, which runs handlers that may wait for this very process.
    private static void EndProcess(int code)
    {
        if (OperatingSystem.IsWindows())
            Environment.Exit(code);
        NativeExit.Exit(code);
    }
}
