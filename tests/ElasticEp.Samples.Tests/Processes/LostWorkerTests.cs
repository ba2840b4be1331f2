using ElasticEp.Samples.Tests.Server;

namespace ElasticEp.Samples.Tests.Processes;

/// <summary>Workers that are killed, or stand still: every stream goes on, and every token is right.</summary>
[Collection(nameof(ProcessCollection))]
public class LostWorkerTests : IDisposable
{
    private const int Ranks = 4;
    private const int Streams = 32;

    private static readonly string[] Setup = ["--ranks", $"{Ranks}", "--tolerated-losses", "1", "--redundant-experts", "32"];

    private readonly JoinSecret _secret = new();

    /// <summary>Options that say what data goes over.</summary>
    protected virtual string[] Links => [];

    public void Dispose()
    {
        _secret.Dispose();
        GC.SuppressFinalize(this);
    }

    [Fact]
    public Task Streams_go_on_when_the_coordinator_is_killed() => RunAsync(async (server, workers, load) =>
    {
        await workers[0].KillAsync();
        await server.WaitUntilAsync(async () => (await server.Client.ViewAsync()).Ranks is [1, 2, 3], "the others to go on");
        await load.WaitForCompletedAsync(2 * Streams);
    });

    [Fact]
    public Task A_worker_that_stands_still_is_evicted_and_ends_when_it_goes_on()
    {
        if (Links.Length > 0)
            Soak.Require(); // UCX 1.13 ends such a process, or a peer of it, now and then: docs/rdma.md
        return RunAsync(async (server, workers, load) =>
        {
            workers[2].Signal(ProcFiles.SigStop);
            await server.WaitUntilAsync(async () => (await server.Client.ViewAsync()).Ranks is [0, 1, 3], "the others to go on");
            await load.WaitForCompletedAsync(2 * Streams);
            workers[2].Signal(ProcFiles.SigCont);
            Assert.Equal(0, await workers[2].WaitAsync()); // it is a member no more, and has nothing to do
            await load.WaitForCompletedAsync(Streams);
        });
    }

    [Fact]
    public Task Experts_whose_last_copies_are_lost_are_loaded_again_by_the_others()
    {
        if (Links.Length > 0)
            Soak.Require(); // it matters little what data goes over
        return RunAsync(
            async (server, workers, load) =>
            {
                await Task.WhenAll(workers[1].KillAsync(), workers[3].KillAsync());
                await server.WaitUntilAsync(async () => (await server.Client.ViewAsync()).Ranks is [0, 2], "the others to go on");
                await load.WaitForCompletedAsync(2 * Streams);
            },
            ["--ranks", $"{Ranks}"]);
    }

    /// <summary>20 pages of 16 positions on each rank; a stream takes 7, the longest 14.</summary>
    [Fact]
    public Task Streams_that_take_each_other_s_pages_go_on_when_a_worker_is_killed()
    {
        if (Links.Length > 0)
            Soak.Require(); // it matters little what data goes over
        return RunAsync(
            async (server, workers, load) =>
            {
                Assert.True((await server.Client.ViewAsync()).HandBacks > 0, "no stream has lost its pages to another one");
                await workers[2].KillAsync();
                await server.WaitUntilAsync(async () => (await server.Client.ViewAsync()).Ranks is [0, 1, 3], "the others to go on");
                await load.WaitForCompletedAsync(2 * Streams);
            },
            [.. Setup, "--kv-cache-memory-bytes", $"{20 * 32_768}", "--max-model-len", "224"]);
    }

    private async Task RunAsync(Func<ProcessServer, ExternalWorker[], StreamLoad, Task> test, string[]? setup = null)
    {
        setup = [.. setup ?? Setup, .. Links];
        ProcFiles.Require();
        await using var server = await ProcessServer.StartGatewayAsync(["--external-workers", "true", "--join-secret-file", _secret.File, .. setup]);
        var store = await server.WaitForLogAsync("The rendezvous store listens at ");
        var workers = Enumerable.Range(0, Ranks).Select(rank => ExternalWorker.Start(rank, store, _secret.File, setup)).ToArray();
        try
        {
            await server.WaitForRanksAsync(Ranks);
            await using var load = new StreamLoad(server.Client, Streams);
            await load.WaitForCompletedAsync(Streams);
            await load.WaitUntilAllRunAsync();
            await test(server, workers, load);
            await load.StopAsync();
        }
        finally
        {
            await Task.WhenAll(workers.Select(worker => worker.DisposeAsync().AsTask()));
        }
    }
}
