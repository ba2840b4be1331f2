namespace ElasticEp.Samples.Tests.Processes;

/// <summary>The store is away while streams run through a gateway that only uses it: steps need no store, and what is lost with it evicts nobody.</summary>
[Collection(nameof(ProcessCollection))]
public sealed class StoreOutageTests
{
    private const int Ranks = 3;
    private const int Streams = 16;

    [Theory]
    [InlineData(10, false)]
    [InlineData(40, false)] // longer than registrations live without it
    [InlineData(10, true)] // and a worker is killed meanwhile: it is replaced in the view as soon as the store answers
    public async Task Streams_go_on_while_the_store_stands_still(int seconds, bool isWorkerKilled)
    {
        Soak.Require();
        using var secret = new JoinSecret();
        string[] args = ["--ranks", $"{Ranks}", "--external-workers", "true", "--join-secret-file", secret.File, "--tolerated-losses", "1", "--redundant-experts", "32"];
        var workers = Array.Empty<ExternalWorker>();
        try
        {
            await using var store = await ProcessServer.StartGatewayAsync(args);
            var address = await store.WaitForLogAsync("The rendezvous store listens at ");
            await using var gateway = await ProcessServer.StartGatewayAsync([.. args, "--store", address]);
            workers = [.. Enumerable.Range(0, Ranks).Select(rank => ExternalWorker.Start(rank, address, secret.File, [.. args]))];
            await gateway.WaitForRanksAsync(Ranks);
            await using var load = new StreamLoad(gateway.Client, Streams);
            await load.WaitForCompletedAsync(Streams);
            await load.WaitUntilAllRunAsync();

            load.BeginGaps();
            store.Signal(ProcFiles.SigStop);
            if (isWorkerKilled)
                await workers[1].KillAsync();
            using (var timer = new PeriodicTimer(TimeSpan.FromSeconds(seconds)))
                await timer.WaitForNextTickAsync(TestContext.Current.CancellationToken);
            var gap = load.LongestGap;
            store.Signal(ProcFiles.SigCont);

            await load.WaitForCompletedAsync(2 * Streams);
            var view = await gateway.Client.ViewAsync();
            Assert.True(isWorkerKilled ? view.Ranks is [0, 2] : view.Ranks is [0, 1, 2], $"the ranks are {string.Join(' ', view.Ranks)}");
            Assert.True(isWorkerKilled || gap < TimeSpan.FromSeconds(2), $"a stream waited {gap}");
            await load.StopAsync();
        }
        finally
        {
            await Task.WhenAll(workers.Select(worker => worker.DisposeAsync().AsTask()));
        }
    }
}
