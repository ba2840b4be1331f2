using System.ComponentModel;
using System.Diagnostics;
using ElasticEp.Scaling;

namespace ElasticEp.Hosting.Processes;

/// <summary>
/// A worker process. Its standard input is a pipe that this process holds open: the worker ends when it closes, which it does
/// however this process ends.
/// </summary>
internal sealed class WorkerProcess : ILaunchedRank
{
    private const int LinesKept = 20;
    private const int MaxLine = 64 << 10;

    private readonly Process _process;
    private readonly TimeSpan _stopTimeout;
    private readonly TimeProvider _time;
    private readonly Queue<string> _lastErrors = [];

    public WorkerProcess(Process process, int rank, TimeSpan stopTimeout, IWorkerOutput output, TimeProvider time)
    {
        (_process, _stopTimeout, _time, ProcessId) = (process, stopTimeout, time, process.Id);
        var reading = Task.WhenAll(
            ForwardAsync(process.StandardOutput, line => output.Write(rank, false, line)),
            ForwardAsync(process.StandardError, line =>
            {
                output.Write(rank, true, line);
                Keep(line);
            }));
        Ended = EndAsync(reading);
    }

    public Task<string> Ended { get; }

    public int? ProcessId { get; }

    public async ValueTask StopAsync(CancellationToken cancellationToken)
    {
        if (!Ended.IsCompleted && Signals.TryTerminate(_process))
        {
            try
            {
                await Ended.WaitAsync(_stopTimeout, _time, cancellationToken).ConfigureAwait(false);
            }
            catch (Exception exception) when (exception is TimeoutException or OperationCanceledException)
            {
                // it had its time
            }
        }

        await DisposeAsync().ConfigureAwait(false);
    }

    public async ValueTask DisposeAsync()
    {
        if (!Ended.IsCompleted)
            Kill();
        await Ended.ConfigureAwait(false);
    }

    private void Kill()
    {
        try
        {
            _process.Kill(entireProcessTree: true);
        }
        catch (Exception exception) when (exception is InvalidOperationException or Win32Exception)
        {
            // it has just ended
        }
    }

    private async Task<string> EndAsync(Task reading)
    {
        await _process.WaitForExitAsync().ConfigureAwait(false);
        // A grandchild may hold the pipes open; what it says does not matter any more.
        await Task.WhenAny(reading, Task.Delay(TimeSpan.FromSeconds(1), _time)).ConfigureAwait(false);
        var code = _process.ExitCode;
        foreach (var pipe in (IDisposable[])[_process.StandardInput, _process.StandardOutput, _process.StandardError])
            pipe.Dispose(); // the process object leaves them to its user
        _process.Dispose();
        string last;
        lock (_lastErrors)
            last = string.Join(" | ", _lastErrors);
        return last.Length > 0 && code != 0 ? $"exited with code {code}: {last}" : $"exited with code {code}";
    }

    private void Keep(string line)
    {
        lock (_lastErrors)
        {
            if (_lastErrors.Count == LinesKept)
                _lastErrors.Dequeue();
            _lastErrors.Enqueue(line);
        }
    }

    private static async Task ForwardAsync(StreamReader from, Action<string> write)
    {
        var lines = new LineSplitter(MaxLine, write);
        var buffer = new char[4096];
        try
        {
            for (int count; (count = await from.ReadAsync(buffer).ConfigureAwait(false)) > 0;)
                lines.Add(buffer.AsSpan(0, count));
        }
        catch (Exception exception) when (exception is IOException or ObjectDisposedException)
        {
            // the process is gone
        }

        lines.End();
    }
}
