using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json;
using ElasticEp.Recorder;
using ElasticEp.Samples.Tests.Server;

namespace ElasticEp.Samples.Tests.Processes;

/// <summary>What the gateway tells operators of a group whose workers are all gone: nobody is left who could go on.</summary>
[Collection(nameof(ProcessCollection))]
public sealed class OperatorTests
{
    private const int Victim = 1; // does not coordinate: it is named all the same

    [Fact]
    public async Task Killed_workers_are_named_everywhere_and_nothing_is_scaled()
    {
        ProcFiles.Require();
        await using var server = await ProcessServer.StartAsync(3);
        var worker = await ProcessOfAsync(server, Victim);
        Assert.Contains(worker, server.Workers);
        await WaitForReadyAsync(server, 200, "Healthy");
        foreach (var process in server.Workers)
            ProcFiles.Send(process, ProcFiles.SigKill);
        var ready = await WaitForReadyAsync(server, 503, "waiting: rank 0, 1, 2");
        Assert.Matches(@"^Unhealthy\nwaiting: rank 0, 1, 2 is lost \(.+\), and a group of 0 ranks is below MinRanks = 1.*; since \d{4}-\d\d-\d\dT[\d:.]+Z$", ready.Body);
        Assert.Equal((200, "Healthy"), await GetAsync(server, "/health"));
        var rank = await RankAsync(server, Victim);
        Assert.Equal(("lost", worker), (rank.GetProperty("state").GetString(), rank.GetProperty("process_id").GetInt32()));
        Assert.NotEqual("", rank.GetProperty("reason").GetString());
        var status = JsonDocument.Parse((await GetAsync(server, "/fault_tolerance/status")).Body).RootElement.GetProperty("engines").EnumerateArray().Select(engine => engine.GetProperty("status").GetString());
        Assert.Equal(["dead", "dead", "dead"], status);
        var metrics = (await GetAsync(server, "/metrics")).Body;
        foreach (var line in (string[])["vllm:engine_healthy{engine=\"0\"} 0", "vllm:engine_healthy{engine=\"1\"} 0", "vllm:engine_healthy{engine=\"2\"} 0", "elasticep_ready 0"])
            Assert.Contains($"\n{line}\n", metrics, StringComparison.Ordinal);

        foreach (var body in (string[])["""{"new_data_parallel_size": 4}""", """{"new_data_parallel_size": 3}""", """{"remove_ranks": [2], "timeout": 60}"""])
        {
            var started = TimeProvider.System.GetTimestamp();
            var refused = await HttpAnswer.PostAsync(server.Client.Http, "/scale_elastic_ep", body);
            Assert.Equal((HttpStatusCode.ServiceUnavailable, "service_unavailable"), (refused.Status, refused.Error.Type));
            Assert.Contains("rank 0, 1, 2 is lost", refused.Error.Message, StringComparison.Ordinal);
            Assert.Contains("below MinRanks", refused.Error.Message, StringComparison.Ordinal);
            Assert.True(TimeProvider.System.GetElapsedTime(started) < TimeSpan.FromSeconds(20), "it is refused at once, and not when its time is over");
        }
    }

    [Fact]
    public async Task A_killed_worker_is_replaced_while_streams_go_on()
    {
        const int Streams = 8;
        ProcFiles.Require();
        await using var server = await ProcessServer.StartAsync(3);
        await using var load = new StreamLoad(server.Client, Streams);
        await load.WaitForCompletedAsync(Streams);
        await load.WaitUntilAllRunAsync();
        var worker = await ProcessOfAsync(server, Victim);
        ProcFiles.Send(worker, ProcFiles.SigKill);
        await server.WaitUntilAsync(
            async () => JsonDocument.Parse((await GetAsync(server, "/elastic/view")).Body).RootElement.GetProperty("ranks").EnumerateArray().Any(rank =>
                rank.GetProperty("rank").GetInt32() == Victim && rank.GetProperty("state").GetString() == "serving" && rank.GetProperty("process_id").GetInt32() != worker),
            "another process to serve in its place");
        await load.WaitForCompletedAsync(2 * Streams); // every token is compared
        await load.StopAsync();
    }

    [Fact]
    public async Task A_worker_that_stands_still_makes_the_gateway_not_ready_until_it_goes_on()
    {
        ProcFiles.Require();
        await using var server = await ProcessServer.StartAsync(1);
        var worker = await ProcessOfAsync(server, 0);
        await WaitForReadyAsync(server, 200, "Healthy");
        ProcFiles.Send(worker, ProcFiles.SigStop);
        try
        {
            await WaitForReadyAsync(server, 503, "rank 0 is lost");
            Assert.Equal((200, "Healthy"), await GetAsync(server, "/health"));
            Assert.Equal("lost", (await RankAsync(server, 0)).GetProperty("state").GetString());
        }
        finally
        {
            ProcFiles.Send(worker, ProcFiles.SigCont);
        }

        await WaitForReadyAsync(server, 200, "Healthy");
        await server.WaitUntilAsync(async () => (await RankAsync(server, 0)).GetProperty("state").GetString() == "serving", "the rank to serve again");
    }

    [Fact]
    public async Task A_worker_that_gets_SIGUSR1_writes_down_what_it_saw_and_goes_on()
    {
        ProcFiles.Require();
        using var secret = new JoinSecret();
        var directory = Directory.CreateTempSubdirectory("elasticep-dumps-");
        try
        {
            var start = new ProcessStartInfo(ProcessServer.Executable, ["--ranks", "1", "--join-secret-file", secret.File]) { Environment = { ["ElasticEp__DumpDirectory"] = directory.FullName } };
            await using var server = await ProcessServer.StartGatewayAsync(start);
            await server.WaitForRanksAsync(1);
            server.Signal(ProcFiles.SigUsr1); // which holds no rank
            ProcFiles.Send(await ProcessOfAsync(server, 0), ProcFiles.SigUsr1);
            await server.WaitUntilAsync(() => Task.FromResult(directory.GetFiles("*.dump").Length > 0), "the dump");
            var file = Assert.Single(directory.GetFiles("*.dump"));
            var bytes = await File.ReadAllBytesAsync(file.FullName);
            Assert.DoesNotContain((await File.ReadAllTextAsync(secret.File)).Trim(), Encoding.UTF8.GetString(bytes), StringComparison.Ordinal);
            var dump = DumpCodec.Decode(bytes);
            Assert.Equal((0, "was asked"), (dump.Self.Rank, dump.Reason));
            Assert.NotEmpty(dump.Events);
            await server.WaitForLineAsync(file.FullName);
            await WaitForReadyAsync(server, 200, "Healthy");
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }

    private static async Task<(int Status, string Body)> WaitForReadyAsync(ProcessServer server, int status, string words)
    {
        (int Status, string Body) answer = default;
        await server.WaitUntilAsync(
            async () => (answer = await GetAsync(server, "/health/ready")).Status == status && answer.Body.Contains(words, StringComparison.Ordinal),
            string.Create(CultureInfo.InvariantCulture, $"readiness to be {status}, '{words}'"));
        return answer;
    }

    private static async Task<int> ProcessOfAsync(ProcessServer server, int rank) => (await RankAsync(server, rank)).GetProperty("process_id").GetInt32();

    private static async Task<JsonElement> RankAsync(ProcessServer server, int rank) =>
        JsonDocument.Parse((await GetAsync(server, "/elastic/view")).Body).RootElement.GetProperty("ranks").EnumerateArray().Single(each => each.GetProperty("rank").GetInt32() == rank);

    private static async Task<(int Status, string Body)> GetAsync(ProcessServer server, string path)
    {
        using var response = await server.Client.Http.GetAsync(new Uri(path, UriKind.Relative));
        return ((int)response.StatusCode, await response.Content.ReadAsStringAsync());
    }
}
