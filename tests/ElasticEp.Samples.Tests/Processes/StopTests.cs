using System.Net.Http.Json;
using System.Text.Json;

namespace ElasticEp.Samples.Tests.Processes;

/// <summary>
/// SIGTERM, and Ctrl-C as a terminal sends it: to the gateway and all its workers. Whatever goes on then, requests get their time, the
/// exit code is 0, and no worker is left.
/// </summary>
[Collection(nameof(ProcessCollection))]
public sealed class StopTests
{
    private const int Streams = 4;

    private static readonly TimeSpan StopTime = TimeSpan.FromSeconds(20);

    [Theory]
    [InlineData(ProcFiles.SigTerm)]
    [InlineData(ProcFiles.SigInt)]
    public async Task While_it_starts(int signal)
    {
        ProcFiles.Require();
        await using var server = await ProcessServer.StartGatewayAsync("--ranks", "2");
        await server.WaitUntilAsync(() => Task.FromResult(server.Workers.Length == 2), "two workers");
        await StopsAsync(server, signal);
    }

    [Theory]
    [InlineData(ProcFiles.SigTerm)]
    [InlineData(ProcFiles.SigInt)]
    public async Task While_streams_run_that_end_within_their_time(int signal)
    {
        ProcFiles.Require();
        await using var server = await ProcessServer.StartAsync(2);
        var streams = await StreamsAsync(server, 300);
        await StopsAsync(server, signal);
        Assert.All(await Task.WhenAll(streams), end => Assert.Equal("data: [DONE]", end));
    }

    [Theory]
    [InlineData(ProcFiles.SigTerm)]
    [InlineData(ProcFiles.SigInt)]
    public async Task While_streams_run_that_do_not(int signal)
    {
        ProcFiles.Require();
        await using var server = await ProcessServer.StartAsync(2, "--shutdown-timeout", "0");
        var streams = await StreamsAsync(server, 1900);
        await StopsAsync(server, signal);
        Assert.All(await Task.WhenAll(streams), end => Assert.Equal("The server is stopping.", JsonDocument.Parse(end[6..]).RootElement.GetProperty("error").GetProperty("message").GetString()));
    }

    [Theory]
    [InlineData(ProcFiles.SigTerm)]
    [InlineData(ProcFiles.SigInt)]
    public async Task In_the_middle_of_a_resize(int signal)
    {
        ProcFiles.Require();
        await using var server = await ProcessServer.StartAsync(2, "--shutdown-timeout", "0");
        var scaling = server.Client.Http.PostAsJsonAsync("/scale_elastic_ep", new { new_data_parallel_size = 4 });
        await server.WaitUntilAsync(async () => server.Workers.Length == 4 && (await server.Client.Http.GetStringAsync("/elastic/view")).Split("\"joining\"").Length == 3, "two joiners");
        await StopsAsync(server, signal);
        Assert.Equal(503, (int)(await scaling).StatusCode);
    }

    [Theory]
    [InlineData(ProcFiles.SigTerm)]
    [InlineData(ProcFiles.SigInt)]
    public async Task While_a_leaver_drains(int signal)
    {
        ProcFiles.Require();
        await using var server = await ProcessServer.StartAsync(2, "--shutdown-timeout", "1");
        var streams = await StreamsAsync(server, 1900);
        var scaling = server.Client.Http.PostAsJsonAsync("/scale_elastic_ep", new { remove_ranks = new[] { 1 }, drain_timeout = 300 });
        await server.WaitUntilAsync(async () => (await server.Client.Http.GetStringAsync("/elastic/view")).Contains("\"leaving\"", StringComparison.Ordinal), "rank 1 to leave");
        await StopsAsync(server, signal);
        Assert.Equal(503, (int)(await scaling).StatusCode);
        Assert.All(await Task.WhenAll(streams), end => Assert.Contains("The server is stopping.", end, StringComparison.Ordinal));
    }

    /// <summary>As systemd does it unless it is told otherwise. The workers leave, as far as a group can be left.</summary>
    [Fact]
    public async Task Sigterm_to_all_processes_at_once_ends_them_soon_too()
    {
        ProcFiles.Require();
        await using var server = await ProcessServer.StartAsync(4, "--shutdown-timeout", "0");
        var workers = server.Workers;
        var started = TimeProvider.System.GetTimestamp();
        Array.ForEach(workers, worker => ProcFiles.Send(worker, ProcFiles.SigTerm));
        server.Signal(ProcFiles.SigTerm);
        Assert.True(await server.WaitForExitAsync() == 0, server.Log);
        Assert.True(TimeProvider.System.GetElapsedTime(started) < StopTime, $"it took {TimeProvider.System.GetElapsedTime(started)} to stop:\n{server.Log}");
        await server.WaitUntilAsync(() => Task.FromResult(!workers.Any(ProcFiles.IsAlive)), "the workers to end");
        Assert.DoesNotContain("starting rank", server.Log[server.Log.IndexOf("Application is shutting down", StringComparison.Ordinal)..], StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_second_ctrl_c_ends_everything_at_once()
    {
        ProcFiles.Require();
        await using var server = await ProcessServer.StartAsync(2, "--shutdown-timeout", "600");
        _ = await StreamsAsync(server, 1900);
        var workers = server.Workers;
        server.Signal(ProcFiles.SigInt);
        await server.WaitForLogAsync("Application is shutting down");
        server.Signal(ProcFiles.SigInt);
        Assert.Equal(130, await server.WaitForExitAsync());
        await server.WaitUntilAsync(() => Task.FromResult(!workers.Any(ProcFiles.IsAlive)), "the workers to end");
    }

    private static async Task StopsAsync(ProcessServer server, int signal)
    {
        var workers = server.Workers;
        Assert.NotEmpty(workers);
        var started = TimeProvider.System.GetTimestamp();
        server.Signal(signal);
        if (signal == ProcFiles.SigInt)
            Array.ForEach(workers, worker => ProcFiles.Send(worker, signal));
        Assert.True(await server.WaitForExitAsync() == 0, server.Log);
        Assert.True(TimeProvider.System.GetElapsedTime(started) < StopTime, $"it took {TimeProvider.System.GetElapsedTime(started)} to stop:\n{server.Log}");
        await server.WaitUntilAsync(() => Task.FromResult(!workers.Any(ProcFiles.IsAlive)), "the workers to end");
        Assert.DoesNotContain("a member, exited", server.Log, StringComparison.Ordinal); // none left by itself
    }

    /// <summary>Streams of which each has said something; their last lines.</summary>
    private static async Task<Task<string>[]> StreamsAsync(ProcessServer server, int tokens)
    {
        var streams = await Task.WhenAll(Enumerable.Range(0, Streams).Select(async _ =>
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/completions")
            {
                Content = JsonContent.Create(new { prompt = "import", max_tokens = tokens, stream = true, ignore_eos = true }),
            };
            var response = await server.Client.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
            var reader = new StreamReader(await response.Content.ReadAsStreamAsync());
            Assert.StartsWith("data: {", await reader.ReadLineAsync(), StringComparison.Ordinal);
            return reader;
        }));
        return [.. streams.Select(async reader =>
        {
            using (reader)
                return (await reader.ReadToEndAsync()).Split('\n', StringSplitOptions.RemoveEmptyEntries)[^1];
        })];
    }
}
