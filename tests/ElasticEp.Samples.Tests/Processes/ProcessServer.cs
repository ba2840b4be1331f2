using System.Diagnostics;
using System.Threading.Channels;
using ElasticEp.Samples.Tests.Server;

namespace ElasticEp.Samples.Tests.Processes;

/// <summary>The server as a user starts it: a gateway process that starts worker processes.</summary>
internal sealed class ProcessServer : IAsyncDisposable
{
    private readonly Process _process;
    private readonly Channel<string> _lines = Channel.CreateUnbounded<string>();
    private readonly List<string> _log = [];

    private ProcessServer(Process process)
    {
        _process = process;
        process.OutputDataReceived += (_, line) => Note(line.Data);
        process.ErrorDataReceived += (_, line) => Note(line.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    public static string Executable { get; } = Path.Combine(AppContext.BaseDirectory, OperatingSystem.IsWindows() ? "ElasticEp.Samples.Server.exe" : "ElasticEp.Samples.Server");

    public ServerClient Client { get; private set; } = null!;

    public int Id => _process.Id;

    /// <summary>Everything that was printed.</summary>
    public string Log
    {
        get
        {
            lock (_log)
                return string.Join('\n', _log);
        }
    }

    /// <summary>Processes that the gateway has started and that live, by id.</summary>
    public int[] Workers => ProcFiles.Children(Id);

    /// <summary>Starts a gateway and waits until it serves with so many ranks.</summary>
    public static async Task<ProcessServer> StartAsync(int ranks, params string[] args)
    {
        var server = await StartGatewayAsync(["--ranks", $"{ranks}", .. args]);
        await server.WaitForRanksAsync(ranks);
        return server;
    }

    /// <summary>Starts a gateway and waits until it answers HTTP.</summary>
    public static Task<ProcessServer> StartGatewayAsync(params string[] args) =>
        StartGatewayAsync(new ProcessStartInfo(Executable, args));

    /// <summary>Starts another executable that is a gateway, and waits until it answers HTTP: at this host, or where its environment says.</summary>
    public static async Task<ProcessServer> StartGatewayAsync(ProcessStartInfo start, string? host = "127.0.0.1")
    {
        (start.RedirectStandardOutput, start.RedirectStandardError) = (true, true);
        if (host is not null)
        {
            start.ArgumentList.Add("--urls");
            start.ArgumentList.Add($"http://{host}:0");
        }

        var server = new ProcessServer(Process.Start(start)!);
        var line = await server.WaitForLineAsync("Serving at ");
        server.Client = new ServerClient(new Uri(line[(line.IndexOf("http", StringComparison.Ordinal))..^". Try:".Length].Replace("[::]", "127.0.0.1", StringComparison.Ordinal)));
        return server;
    }

    public async Task WaitForRanksAsync(int ranks)
    {
        var started = TimeProvider.System.GetTimestamp();
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(50));
        while ((await Client.ViewAsync()).Ranks.Length != ranks && await timer.WaitForNextTickAsync())
            Assert.True(TimeProvider.System.GetElapsedTime(started) < TestServer.Deadline, $"Waited {TestServer.Deadline} for {ranks} ranks.\n{Log}");
    }

    /// <summary>The next line that contains the words; lines before it are passed over.</summary>
    public async Task<string> WaitForLineAsync(string words)
    {
        using var deadline = new CancellationTokenSource(TestServer.Deadline);
        try
        {
            await foreach (var line in _lines.Reader.ReadAllAsync(deadline.Token))
            {
                if (line.Contains(words, StringComparison.Ordinal))
                    return line;
            }
        }
        catch (OperationCanceledException)
        {
            // below
        }

        throw new InvalidOperationException($"The server did not print '{words}' within {TestServer.Deadline}:\n{Log}");
    }

    /// <summary>What follows these words in a line that was or will be printed.</summary>
    public async Task<string> WaitForLogAsync(string words)
    {
        string? line;
        lock (_log)
            line = _log.FirstOrDefault(line => line.Contains(words, StringComparison.Ordinal));
        line ??= await WaitForLineAsync(words);
        return line[(line.IndexOf(words, StringComparison.Ordinal) + words.Length)..].Trim();
    }

    public void Signal(int signal) => ProcFiles.Send(Id, signal);

    /// <summary>Waits until it has ended; its exit code.</summary>
    public async Task<int> WaitForExitAsync()
    {
        await _process.WaitForExitAsync().WaitAsync(TestServer.Deadline);
        return _process.ExitCode;
    }

    public async Task WaitUntilAsync(Func<Task<bool>> isTrue, string what)
    {
        var started = TimeProvider.System.GetTimestamp();
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(20));
        while (!await isTrue())
        {
            Assert.True(TimeProvider.System.GetElapsedTime(started) < TestServer.Deadline, $"Waited {TestServer.Deadline} for {what}.\n{Log}");
            await timer.WaitForNextTickAsync();
        }
    }

    /// <summary>Ends the gateway as a fault would.</summary>
    public void Kill() => _process.Kill();

    /// <summary>Runs the executable with arguments that it must refuse.</summary>
    public static async Task<(int ExitCode, string Error)> RefuseAsync(IReadOnlyDictionary<string, string> environment, params string[] args)
    {
        var start = new ProcessStartInfo(Executable, args) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var (name, value) in environment)
            start.Environment[name] = value;
        using var process = Process.Start(start)!;
        var error = process.StandardError.ReadToEndAsync();
        await Task.WhenAll(process.StandardOutput.ReadToEndAsync(), error, process.WaitForExitAsync()).WaitAsync(TestServer.Deadline);
        return (process.ExitCode, await error);
    }

    /// <summary>Asks the gateway to end, and waits; its exit code.</summary>
    public async Task<int> StopAsync()
    {
        ProcFiles.Terminate(Id);
        return await WaitForExitAsync();
    }

    public async ValueTask DisposeAsync()
    {
        Client?.Dispose();
        if (!_process.HasExited)
        {
            try
            {
                await StopAsync();
            }
            catch (TimeoutException)
            {
                _process.Kill(entireProcessTree: true);
                throw new TimeoutException($"The server did not stop within {TestServer.Deadline}:\n{Log}");
            }
        }

        _process.Dispose();
    }

    private void Note(string? line)
    {
        if (line is null)
            return;
        lock (_log)
            _log.Add(line);
        _lines.Writer.TryWrite(line);
    }
}
