using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace ElasticEp.Gpu.Windows;

/// <summary>A process with a rank on GPU 1, started ahead of its round, that is killed or stopped.</summary>
internal sealed partial class WindowVictim : IDisposable
{
    private const int Kill = 9;
    private const int Stop = 19;
    private const int Continue = 18;

    private readonly string _path;
    private readonly Socket _listener;
    private readonly Process _process;

    public WindowVictim(string folder, long incarnation, Report report)
    {
        Incarnation = incarnation;
        _path = Path.Combine(folder, incarnation.ToString(CultureInfo.InvariantCulture));
        _listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        _listener.Bind(new UnixDomainSocketEndPoint(_path));
        _listener.Listen(1);
        var start = new ProcessStartInfo(Environment.ProcessPath!, ["--section", "windowkill-victim"]) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment[WindowsRankSection.SocketVariable] = _path;
        start.Environment[WindowsRankSection.RankVariable] = incarnation.ToString(CultureInfo.InvariantCulture);
        start.Environment["CUDA_MODULE_LOADING"] = "EAGER";
        _process = new Process { StartInfo = start };
        _process.OutputDataReceived += (_, line) => Note(line.Data);
        _process.ErrorDataReceived += (_, line) => Note(line.Data);
        _process.Start();
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();

        void Note(string? line)
        {
            if (line is not null)
                report.Note($"victim {incarnation}: {line}");
        }
    }

    public long Incarnation { get; }

    public Socket Accept()
    {
        var socket = _listener.Accept();
        socket.ReceiveTimeout = 20_000;
        return socket;
    }

    /// <summary>kill -9; returns once the process is gone.</summary>
    public void End()
    {
        _ = kill(_process.Id, Kill);
        _process.WaitForExit();
    }

    public void Pause() => _ = kill(_process.Id, Stop);

    public void Resume() => _ = kill(_process.Id, Continue);

    public void Dispose()
    {
        if (!_process.HasExited)
            End();
        _process.Dispose();
        _listener.Dispose();
        File.Delete(_path);
    }

    [LibraryImport("libc")]
    private static partial int kill(int process, int signal);
}
