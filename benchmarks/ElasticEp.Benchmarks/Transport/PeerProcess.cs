using System.Diagnostics;

namespace ElasticEp.Benchmarks.Transport;

/// <summary>This executable once more, as the other side of a measurement. It ends when its standard input does.</summary>
internal sealed class PeerProcess : IDisposable
{
    private readonly Process _process;

    private PeerProcess(Process process) => _process = process;

    public static PeerProcess Start(params string[] args)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!) { RedirectStandardInput = true, RedirectStandardOutput = true };
        if (Path.GetFileNameWithoutExtension(start.FileName) == "dotnet")
            start.ArgumentList.Add(Environment.GetCommandLineArgs()[0]);
        foreach (var arg in args)
            start.ArgumentList.Add(arg);
        return new PeerProcess(Process.Start(start)!);
    }

    public async Task<string> ReadLineAsync() => await _process.StandardOutput.ReadLineAsync() ?? throw new InvalidOperationException("The other process has ended.");

    public void Dispose()
    {
        _process.StandardInput.Dispose();
        if (!_process.WaitForExit(TimeSpan.FromSeconds(5)))
            _process.Kill();
        _process.Dispose();
    }
}
