using ElasticEp.Samples.Tests.Model;

namespace ElasticEp.Samples.Tests.Processes;

/// <summary>Worker processes whose data goes over UCX's TCP from one network to another.</summary>
[Collection(nameof(ProcessCollection))]
public sealed class RdmaNetworkTests : IDisposable
{
    private const int Ranks = 2;
    private const int Streams = 8;
    private const int Gateway = NetworkNamespaces.Gateway;

    private static readonly string[] Setup = ["--ranks", $"{Ranks}", "--tolerated-losses", "1", "--redundant-experts", "32"];

    private readonly ITestOutputHelper _output;
    private readonly JoinSecret _secret = new();

    public RdmaNetworkTests(ITestOutputHelper output) => _output = output;

    public void Dispose() => _secret.Dispose();

    [Fact]
    public async Task Two_networks_give_the_golden_tokens_and_one_goes_on_when_the_other_is_cut_off()
    {
        NetworkNamespaces.Require();
        string[] setup = [.. Setup, .. UcxLinks.Options(UcxLinks.Tcp)];
        using var network = new NetworkNamespaces(Ranks);
        var address = NetworkNamespaces.AddressOf(Gateway);
        await using var server = await ProcessServer.StartGatewayAsync(network.Inside(Gateway, ProcessServer.Executable, ["--external-workers", "true", "--join-secret-file", _secret.File, "--store-bind", $"{address}:0", .. setup]), address);
        var store = await server.WaitForLogAsync("The rendezvous store listens at ");
        var workers = Enumerable.Range(0, Ranks).Select(Start).ToArray();
        try
        {
            await server.WaitForRanksAsync(Ranks);
            var results = await Task.WhenAll(GoldenFile.Cases.Select(golden => server.Client.CompleteAsync(golden.PromptIds, golden.GreedyIds.Length)));
            Assert.All(GoldenFile.Cases.Zip(results), pair => Assert.Equal(pair.First.GreedyIds, pair.Second));
            Assert.All(workers, worker => Assert.Contains(worker.Lines, line => line.Contains(" uses UCX ", StringComparison.Ordinal)));

            await using var load = new StreamLoad(server.Client, Streams);
            await load.WaitForCompletedAsync(Streams);
            await load.WaitUntilAllRunAsync();
            network.Cut(0, 1);
            network.Cut(1, 0);
            await server.WaitForRanksAsync(Ranks - 1);
            await load.WaitForCompletedAsync(2 * Streams);
            await load.StopAsync();
        }
        finally
        {
            await Task.WhenAll(workers.Select(worker => worker.DisposeAsync().AsTask()));
            _output.WriteLine(server.Log);
            foreach (var (rank, worker) in workers.Index())
                _output.WriteLine($"rank {rank}:\n{string.Join('\n', worker.Lines)}");
        }

        ExternalWorker Start(int rank)
        {
            string[] args = [.. setup, "--ElasticEp:BindAddress", $"{NetworkNamespaces.AddressOf(rank)}:0", "--ElasticEp:UseUnixSockets", "false"];
            return ExternalWorker.Start(network.Inside(rank, ProcessServer.Executable, args), rank, store, _secret.File);
        }
    }
}
