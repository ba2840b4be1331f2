using ElasticEp.Samples.Tests.Server;

namespace ElasticEp.Samples.Tests.Processes;

/// <summary>Workers that somebody else starts: one that dies is started again where it was, as a pod with a stable name is, or elsewhere.</summary>
[Collection(nameof(ProcessCollection))]
public sealed class RestartedWorkerTests : IDisposable
{
    private const int Ranks = 3;
    private const int Streams = 8;

    private static readonly string[] Setup = ["--ranks", $"{Ranks}", "--tolerated-losses", "1", "--redundant-experts", "32"];

    private readonly JoinSecret _secret = new();

    public void Dispose() => _secret.Dispose();

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public Task Streams_go_on_when_a_worker_is_killed_and_started_again(bool isAtItsAddress) => RunAsync(async (server, workers, load, ports, start) =>
    {
        var before = workers[1];
        if (isAtItsAddress)
            await before.KillAsync();
        else
            before.Signal(ProcFiles.SigStop); // the next one connects to the members while its predecessor's links are up
        if (!isAtItsAddress)
            ports[1] = 0;
        workers[1] = start(1);
        await load.WaitForCompletedAsync(2 * Streams); // every token is compared
        await before.DisposeAsync();
        string[] lines = [.. workers[0].Lines, .. workers[2].Lines]; // who leads has found it lost; the other may hear of the next view first
        Assert.Contains(lines, line => line.Contains("takes rank 1", StringComparison.Ordinal) && (!isAtItsAddress || line.Contains("(Refused)", StringComparison.Ordinal) || line.Contains("(Replaced)", StringComparison.Ordinal)));

        await server.WaitForRanksAsync(Ranks); // nobody asks for it: fewer members than are wanted, and there is a process
        var admitted = (await server.Client.ViewAsync()).Incarnations;
        await load.WaitForCompletedAsync(2 * Streams);
        var view = await server.Client.ViewAsync();
        Assert.Equal([0, 1, 2], view.Ranks);
        Assert.Equal(admitted, view.Incarnations); // what was said of its predecessor does not concern it: it was not evicted and admitted again
    });

    [Theory]
    [InlineData(0.2, true)]
    [InlineData(0.2, false)]
    [InlineData(1, true)]
    [InlineData(1, false)]
    [InlineData(5, true)]
    [InlineData(5, false)]
    [InlineData(15, true)]
    [InlineData(15, false)]
    public Task No_stream_waits_longer_than_a_second_whenever_the_worker_comes_back(double seconds, bool isAtItsAddress)
    {
        Soak.Require();
        return RunAsync(async (server, workers, load, ports, start) =>
        {
            load.BeginGaps();
            var since = TimeProvider.System.GetTimestamp();
            await workers[1].KillAsync();
            while (TimeProvider.System.GetElapsedTime(since).TotalSeconds < seconds)
                await load.WaitForCompletedAsync(1);
            if (!isAtItsAddress)
                ports[1] = 0;
            var before = workers[1];
            workers[1] = start(1);
            await before.DisposeAsync();
            await server.WaitForRanksAsync(Ranks);
            await load.WaitForCompletedAsync(2 * Streams);
            Assert.InRange(load.LongestGap, TimeSpan.Zero, TimeSpan.FromSeconds(1));
            var view = await server.Client.ViewAsync();
            Assert.Equal([0, 1, 2], view.Ranks);
        });
    }

    private async Task RunAsync(Func<ProcessServer, ExternalWorker[], StreamLoad, int[], Func<int, ExternalWorker>, Task> test)
    {
        ProcFiles.Require();
        await using var server = await ProcessServer.StartGatewayAsync(["--external-workers", "true", "--join-secret-file", _secret.File, .. Setup]);
        var store = await server.WaitForLogAsync("The rendezvous store listens at ");
        var ports = Enumerable.Range(0, Ranks).Select(_ => ProcFiles.FreePort()).ToArray();
        var workers = Enumerable.Range(0, Ranks).Select(Start).ToArray();
        try
        {
            await server.WaitForRanksAsync(Ranks);
            await using var load = new StreamLoad(server.Client, Streams);
            await load.WaitForCompletedAsync(Streams);
            await load.WaitUntilAllRunAsync();

            await test(server, workers, load, ports, Start);
            await load.StopAsync();
        }
        finally
        {
            await Task.WhenAll(workers.Select(worker => worker.DisposeAsync().AsTask()));
        }

        ExternalWorker Start(int rank) => ExternalWorker.Start(rank, store, _secret.File, [.. Setup, "--ElasticEp:BindAddress", $"127.0.0.1:{ports[rank]}"]);
    }
}
