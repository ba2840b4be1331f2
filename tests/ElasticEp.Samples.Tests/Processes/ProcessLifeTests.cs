using System.Diagnostics;
using System.Net;
using ElasticEp.Samples.Qwen3Moe;
using ElasticEp.Samples.Tests.Model;
using ElasticEp.Samples.Tests.Server;

namespace ElasticEp.Samples.Tests.Processes;

/// <summary>How worker processes come and go.</summary>
[Collection(nameof(ProcessCollection))]
public sealed class ProcessLifeTests
{
    private const int ExpertsPerResize = 64; // 2→4: half of 32 experts in each of 4 layers
    private const string WarmStandby = "dense weights held, 128 of 128 experts";

    [Fact]
    public async Task A_joiner_opens_no_file_of_the_model_and_its_bytes_are_counted()
    {
        ProcFiles.Require();
        var model = Directory.CreateTempSubdirectory("elasticep-model-").FullName;
        foreach (var file in Directory.GetFiles(EmbeddedModel.Directory))
            File.Copy(file, Path.Combine(model, Path.GetFileName(file)));
        await using var server = await ProcessServer.StartAsync(2, "--model", model);
        Directory.Delete(model, recursive: true);

        var result = await server.Client.ScaleAsync(new { new_data_parallel_size = 4 });
        var config = Qwen3MoeConfig.Load(EmbeddedModel.Directory);
        var dense = WeightNames.Dense(config).Sum(weight => weight.ByteLength(WeightType.BFloat16));
        var expert = WeightNames.Expert(config, 0, 0).Sum(weight => weight.ByteLength(WeightType.BFloat16));
        Assert.Equal((2 * dense) + (ExpertsPerResize * expert), result.GetProperty("bytes_moved").GetInt64());
        await AssertGoldenAsync(server);
    }

    [Fact]
    public async Task Standbys_are_admitted_without_a_process_start_or_a_byte_of_weights_and_replaced()
    {
        ProcFiles.Require();
        await using var server = await ProcessServer.StartAsync(2, "--standbys", "2");
        await WaitAsync(() => server.Workers.Length == 4, server, "two standbys");
        var workers = server.Workers;
        await server.WaitUntilAsync(async () => (await server.Client.ViewAsync()).Standbys is [WarmStandby, WarmStandby], "two warm standbys");
        await AssertRanksAsync(server, 0, 1);

        var result = await server.Client.ScaleAsync(new { new_data_parallel_size = 4 });
        Assert.Equal(0, result.GetProperty("bytes_moved").GetInt64());
        await AssertRanksAsync(server, 0, 1, 2, 3);
        Assert.All(workers, worker => Assert.True(ProcFiles.IsAlive(worker), $"worker {worker} was replaced"));
        await AssertGoldenAsync(server);
        await WaitAsync(() => server.Workers.Length == 6, server, "new standbys");

        await server.Client.ScaleAsync(new { new_data_parallel_size = 1 });
        await WaitAsync(() => server.Workers.Length == 3, server, "one rank and two standbys");
        await AssertGoldenAsync(server);
    }

    [Fact]
    public async Task Workers_end_with_a_gateway_that_is_killed()
    {
        ProcFiles.Require();
        await using var server = await ProcessServer.StartAsync(3);
        var workers = server.Workers;
        Assert.Equal(3, workers.Length);
        server.Kill();
        await WaitAsync(() => !workers.Any(ProcFiles.IsAlive), server, "the workers to end");
    }

    [Fact]
    public async Task A_gateway_whose_workers_are_all_dead_is_not_ready_and_stops_at_once()
    {
        ProcFiles.Require();
        await using var server = await ProcessServer.StartAsync(3);
        Assert.Equal(HttpStatusCode.OK, await ReadyAsync());
        foreach (var worker in server.Workers)
            ProcFiles.Send(worker, ProcFiles.SigKill);
        await WaitAsync(async () => await ReadyAsync() == HttpStatusCode.ServiceUnavailable, server, "the gateway to say that it is not ready");
        Assert.Equal(HttpStatusCode.OK, (await server.Client.Http.GetAsync(new Uri("/health/live", UriKind.Relative))).StatusCode);

        var started = TimeProvider.System.GetTimestamp();
        Assert.Equal(0, await server.StopAsync());
        Assert.True(TimeProvider.System.GetElapsedTime(started) < TimeSpan.FromSeconds(20), $"it stopped after {TimeProvider.System.GetElapsedTime(started)}, though nothing could be waited for");

        async Task<HttpStatusCode> ReadyAsync() => (await server.Client.Http.GetAsync(new Uri("/health/ready", UriKind.Relative))).StatusCode;
    }

    [Fact]
    public async Task Workers_that_somebody_else_starts_join_by_address()
    {
        ProcFiles.Require();
        var secret = Path.GetTempFileName();
        File.WriteAllText(secret, "a secret of the tests\n");
        await using var server = await ProcessServer.StartGatewayAsync("--external-workers", "true", "--join-secret-file", secret, "--ranks", "2");
        var store = await server.WaitForLogAsync("The rendezvous store listens at ");
        var workers = new List<ExternalWorker>();
        try
        {
            var port = ProcFiles.FreePort();
            workers.Add(ExternalWorker.Start(0, store, secret, "--ranks", "2", "--health-port", $"{port}"));
            await WaitAsync(async () => await StatusAsync(port, "live") == 200, server, "a worker that is alive");
            Assert.Equal(503, await StatusAsync(port, "ready")); // rank 1 is not there yet
            workers.Add(ExternalWorker.Start(1, store, secret, "--ranks", "2"));
            await server.WaitForRanksAsync(2);
            await WaitAsync(async () => await StatusAsync(port, "ready") == 200, server, "a worker that is ready");
            await AssertGoldenAsync(server);
            var growing = server.Client.ScaleAsync(new { new_data_parallel_size = 3 });
            workers.Add(ExternalWorker.Start(2, store, secret, "--ranks", "2"));
            await growing;
            await AssertGoldenAsync(server);

            workers[1].Terminate(); // preStop of a pod: it leaves, then ends
            Assert.Equal(0, await workers[1].WaitAsync());
            await AssertRanksAsync(server, 0, 2);
            await AssertGoldenAsync(server);
        }
        finally
        {
            await Task.WhenAll(workers.Select(worker => worker.DisposeAsync().AsTask()));
            File.Delete(secret);
        }
    }

    [Fact]
    public async Task Twenty_cycles_leave_processes_descriptors_threads_and_memory_where_they_were()
    {
        ProcFiles.Require();
        var start = new ProcessStartInfo(ProcessServer.Executable, ["--ranks", "2"]);
        start.Environment["DOTNET_GCgen0size"] = "0x400000"; // what is resident is in use then, and not room that the collector keeps
        start.Environment["DOTNET_gcConcurrent"] = "0";
        start.Environment["ElasticEp__FlightRecorderEvents"] = "500"; // the history of each rank, full after a few cycles
        await using var server = await ProcessServer.StartGatewayAsync(start);
        await server.WaitForRanksAsync(2);
        await CycleAsync(server, 10); // until code is compiled and heaps have their size
        var before = await SettleAsync(server);
        await CycleAsync(server, 20);
        var (after, started) = (await SettleAsync(server), TimeProvider.System.GetTimestamp());
        while ((after.Threads > before.Threads + 12 || after.Resident - before.Resident > 48L << 20) && TimeProvider.System.GetElapsedTime(started) < TestServer.Deadline)
            after = await SettleAsync(server); // a pool's threads end when they have had no work for a while
        Assert.InRange(after.Descriptors, 0, before.Descriptors + 6); // connections of the HTTP client come and go
        Assert.InRange(after.Threads, 0, before.Threads + 12); // the thread pools' affair
        Assert.InRange(after.Resident - before.Resident, long.MinValue, 48L << 20);
    }

    private static async Task CycleAsync(ProcessServer server, int count)
    {
        for (var i = 0; i < count; i++)
        {
            await server.Client.ScaleAsync(new { new_data_parallel_size = 4 });
            await server.Client.ScaleAsync(new { new_data_parallel_size = 2 });
        }

        await AssertGoldenAsync(server);
    }

    /// <summary>What the gateway and its two workers hold once the leavers have ended.</summary>
    private static async Task<(int Descriptors, int Threads, long Resident)> SettleAsync(ProcessServer server)
    {
        await WaitAsync(() => server.Workers.Length == 2, server, "the leavers to end");
        var processes = server.Workers.Append(server.Id).ToArray();
        var (last, since) = (-1, TimeProvider.System.GetTimestamp());
        await WaitAsync(
            () =>
            {
                var now = processes.Sum(ProcFiles.Descriptors);
                if (now != last)
                    (last, since) = (now, TimeProvider.System.GetTimestamp());
                return TimeProvider.System.GetElapsedTime(since) > TimeSpan.FromSeconds(2);
            },
            server,
            "descriptors to settle");
        return (last, processes.Sum(ProcFiles.Threads), processes.Sum(ProcFiles.Resident));
    }

    private static async Task<int> StatusAsync(int port, string probe)
    {
        using var http = new HttpClient { Timeout = TestServer.Deadline };
        try
        {
            return (int)(await http.GetAsync(new Uri($"http://127.0.0.1:{port}/health/{probe}"))).StatusCode;
        }
        catch (HttpRequestException)
        {
            return 0; // it does not listen yet
        }
    }

    private static async Task AssertRanksAsync(ProcessServer server, params int[] ranks) => Assert.Equal(ranks, (await server.Client.ViewAsync()).Ranks);

    private static async Task AssertGoldenAsync(ProcessServer server)
    {
        var golden = GoldenFile.Cases[0];
        Assert.Equal(golden.GreedyIds, await server.Client.CompleteAsync(golden.PromptIds, golden.GreedyIds.Length));
    }

    private static Task WaitAsync(Func<bool> isTrue, ProcessServer server, string what) => WaitAsync(() => Task.FromResult(isTrue()), server, what);

    private static async Task WaitAsync(Func<Task<bool>> isTrue, ProcessServer server, string what)
    {
        var started = TimeProvider.System.GetTimestamp();
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(20));
        while (!await isTrue())
        {
            Assert.True(TimeProvider.System.GetElapsedTime(started) < TestServer.Deadline, $"Waited {TestServer.Deadline} for {what}.\n{server.Log}");
            await timer.WaitForNextTickAsync();
        }
    }
}
