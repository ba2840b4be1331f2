using System.Diagnostics;
using System.Net.Http.Json;
using ElasticEp.Samples.Bench.Http;
using ElasticEp.Samples.Server.Elastic;
using ElasticEp.Samples.Server.Http;

namespace ElasticEp.Benchmarks.ServerRuns;

/// <summary>The server sample as a user starts it: a gateway process that starts worker processes.</summary>
internal sealed class ServerProcess : IAsyncDisposable
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan PollPeriod = TimeSpan.FromMilliseconds(50);

    private readonly Process _process;
    private readonly TaskCompletionSource<Uri> _address = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Queue<string> _lastLines = new();

    private ServerProcess(Process process)
    {
        _process = process;
        process.OutputDataReceived += (_, line) => Note(line.Data);
        process.ErrorDataReceived += (_, line) => Note(line.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    public Uri Address { get; private set; } = null!;

    /// <summary>A client of the server that opens as many connections as there are requests.</summary>
    public HttpClient Http { get; private set; } = null!;

    /// <summary>Starts a server and waits until it serves with so many ranks.</summary>
    /// <param name="file">Its executable; null for the one that was built with the benchmarks.</param>
    /// <param name="ranks">Ranks at the start.</param>
    /// <param name="args">Further options of the server.</param>
    public static async Task<ServerProcess> StartAsync(string? file, int ranks, params string[] args)
    {
        file ??= Path.Combine(AppContext.BaseDirectory, "ElasticEp.Samples.Server");
        var start = new ProcessStartInfo(file, ["--urls", "http://127.0.0.1:0", "--ranks", $"{ranks}", .. args]) { RedirectStandardOutput = true, RedirectStandardError = true };
        var server = new ServerProcess(Process.Start(start)!);
        try
        {
            server.Address = await server._address.Task.WaitAsync(Deadline).ConfigureAwait(false);
            server.Http = BenchServer.CreateClient(server.Address);
            await server.WaitForRanksAsync(ranks).ConfigureAwait(false);
            return server;
        }
        catch (TimeoutException)
        {
            var said = string.Join('\n', server._lastLines);
            await server.DisposeAsync().ConfigureAwait(false);
            throw new TimeoutException($"The server did not serve with {ranks} ranks within {Deadline}:\n{said}");
        }
    }

    public async Task<ServerState> ReadStateAsync() => (await Http.GetFromJsonAsync<ServerState>("elastic/view", ServerState.Json).ConfigureAwait(false))!;

    public async Task<StepTotals> ReadStepTotalsAsync() => StepTotals.Parse(await Http.GetStringAsync("metrics").ConfigureAwait(false));

    /// <summary>Resizes the group; an answer other than success ends the benchmark.</summary>
    public async Task<ScaleAnswer> ScaleAsync(int ranks)
    {
        var (status, body) = await new BenchServer(Http).ScaleAsync(ranks, CancellationToken.None).ConfigureAwait(false);
        return status == 200
            ? System.Text.Json.JsonSerializer.Deserialize(body, HttpJson.Default.ScaleAnswer)!
            : throw new InvalidOperationException($"The resize to {ranks} ranks was answered with {status}: {body}");
    }

    public async ValueTask DisposeAsync()
    {
        Http?.Dispose();
        if (!_process.HasExited)
        {
            using var kill = Process.Start("kill", ["-TERM", $"{_process.Id}"]);
            using var deadline = new CancellationTokenSource(Deadline);
            await _process.WaitForExitAsync(deadline.Token).ConfigureAwait(false);
        }

        _process.Dispose();
    }

    private async Task WaitForRanksAsync(int ranks)
    {
        var started = Stopwatch.GetTimestamp();
        using var timer = new PeriodicTimer(PollPeriod);
        while ((await ReadStateAsync().ConfigureAwait(false)).Ranks.Count != ranks && await timer.WaitForNextTickAsync().ConfigureAwait(false))
        {
            if (Stopwatch.GetElapsedTime(started) > Deadline)
                throw new TimeoutException();
        }
    }

    private void Note(string? line)
    {
        const string Words = "Serving at ";
        if (line is null)
            return;
        lock (_lastLines)
        {
            _lastLines.Enqueue(line);
            if (_lastLines.Count > 50)
                _lastLines.Dequeue();
        }

        if (line.StartsWith(Words, StringComparison.Ordinal))
            _address.TrySetResult(new Uri(line[Words.Length..line.IndexOf(". Try", StringComparison.Ordinal)]));
    }
}
