using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using ElasticEp.Samples.Tests.Server;

namespace ElasticEp.Samples.Tests.Processes;

/// <summary>A worker that no launcher has started: as a unit file or a pod does it, with environment variables.</summary>
internal sealed class ExternalWorker : IAsyncDisposable
{
    private readonly Process _process;
    private readonly ConcurrentQueue<string> _lines = new();

    private ExternalWorker(Process process)
    {
        _process = process;
        process.OutputDataReceived += (_, line) => _lines.Enqueue(line.Data ?? "");
        process.ErrorDataReceived += (_, line) => _lines.Enqueue(line.Data ?? "");
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    /// <summary>What it has printed so far.</summary>
    public string[] Lines => [.. _lines];

    public static ExternalWorker Start(int rank, string store, string secretFile, params string[] args) => Start(new ProcessStartInfo(ProcessServer.Executable, args), rank, store, secretFile);

    /// <param name="start">The command, which may run the worker through another program that becomes it.</param>
    /// <param name="rank">The rank that it is to take.</param>
    /// <param name="store">Where the store is.</param>
    /// <param name="secretFile">The file with the join secret.</param>
    public static ExternalWorker Start(ProcessStartInfo start, int rank, string store, string secretFile)
    {
        (start.RedirectStandardOutput, start.RedirectStandardError) = (true, true);
        start.Environment["ElasticEp__Rank"] = rank.ToString(CultureInfo.InvariantCulture);
        start.Environment["ElasticEp__StoreAddress"] = store;
        start.Environment["ElasticEp__JoinSecretFile"] = secretFile;
        return new ExternalWorker(Process.Start(start)!);
    }

    /// <summary>Ends it as a fault would, and waits until it is gone.</summary>
    public async Task KillAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync().WaitAsync(TestServer.Deadline);
    }

    public void Terminate() => ProcFiles.Terminate(_process.Id);

    public void Signal(int signal) => ProcFiles.Send(_process.Id, signal);

    public async Task<int> WaitAsync()
    {
        await _process.WaitForExitAsync().WaitAsync(TestServer.Deadline);
        return _process.ExitCode;
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
            _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
    }
}
