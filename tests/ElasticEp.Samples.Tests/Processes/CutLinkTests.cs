using System.Diagnostics;
using ElasticEp.Samples.Tests.Server;

namespace ElasticEp.Samples.Tests.Processes;

/// <summary>Links that are cut between machines, without either end noticing it: streams go on, and when they are healed there is one group.</summary>
[Collection(nameof(ProcessCollection))]
public sealed class CutLinkTests : IDisposable
{
    private const int Ranks = 4;
    private const int Streams = 16;
    private const int Gateway = NetworkNamespaces.Gateway;

    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(5);
    private static readonly string[] Setup = ["--ranks", $"{Ranks}", "--tolerated-losses", "1", "--redundant-experts", "32"];

    private readonly ITestOutputHelper _output;
    private readonly JoinSecret _secret = new();

    public CutLinkTests(ITestOutputHelper output) => _output = output;

    public void Dispose() => _secret.Dispose();

    [Theory]
    [InlineData(1, 2, false, 5)]
    [InlineData(2, 1, false, 60)]
    [InlineData(1, 2, true, 5)]
    [InlineData(0, 3, true, 60)] // rank 0 coordinates
    public Task Between_two_workers(int from, int to, bool isBothWays, int healedAfter) => RunAsync(async (network, server, load) =>
    {
        var evicted = Math.Max(from, to);
        var since = Cut(network, load, from, to, isBothWays);
        await server.WaitUntilAsync(async () => !(await server.Client.ViewAsync()).Ranks.Contains(evicted), $"rank {evicted} to be evicted");
        Assert.InRange(TimeProvider.System.GetElapsedTime(since), TimeSpan.Zero, Bound);
        await GoOnAsync(load);
        await HealAsync(network, load, since, from, to, isBothWays, healedAfter);
        Assert.DoesNotContain(evicted, (await server.Client.ViewAsync()).Ranks); // its process has ended, and nobody starts another
    });

    [Theory]
    [InlineData(2, true, 5)]
    [InlineData(0, true, 60)] // it coordinates
    [InlineData(1, false, 5)]
    public Task Between_a_worker_and_the_gateway(int worker, bool isBothWays, int healedAfter) => RunAsync(async (network, server, load) =>
    {
        var since = Cut(network, load, worker, Gateway, isBothWays);
        await GoOnAsync(load);
        await HealAsync(network, load, since, worker, Gateway, isBothWays, healedAfter);
        var view = await server.Client.ViewAsync();
        Assert.True(view.Ranks is [0, 1, 2, 3], $"the ranks are {string.Join(" ", view.Ranks)}"); // its peers reach it: it stays a member, and its requests go elsewhere meanwhile
    });

    [Fact]
    public Task Of_a_worker_to_all_others_and_the_gateway() => RunAsync(async (network, server, load) =>
    {
        int[] others = [Gateway, 0, 1, 3];
        load.BeginGaps();
        var since = TimeProvider.System.GetTimestamp();
        foreach (var other in others)
        {
            network.Cut(2, other);
            network.Cut(other, 2);
        }

        await server.WaitUntilAsync(async () => (await server.Client.ViewAsync()).Ranks is [0, 1, 3], "the others to go on");
        Assert.InRange(TimeProvider.System.GetElapsedTime(since), TimeSpan.Zero, Bound);
        await GoOnAsync(load);
        foreach (var other in others)
        {
            network.Heal(2, other);
            network.Heal(other, 2);
        }

        await load.WaitForCompletedAsync(2 * Streams);
        var view = await server.Client.ViewAsync();
        Assert.True(view.Ranks is [0, 1, 3], $"the ranks are {string.Join(" ", view.Ranks)}");
    });

    private static long Cut(NetworkNamespaces network, StreamLoad load, int from, int to, bool isBothWays)
    {
        load.BeginGaps();
        var since = TimeProvider.System.GetTimestamp();
        network.Cut(from, to);
        if (isBothWays)
            network.Cut(to, from);
        return since;
    }

    private static async Task GoOnAsync(StreamLoad load)
    {
        await load.WaitForCompletedAsync(2 * Streams);
        Assert.InRange(load.LongestGap, TimeSpan.Zero, Bound);
    }

    private static async Task HealAsync(NetworkNamespaces network, StreamLoad load, long since, int from, int to, bool isBothWays, int after)
    {
        while (TimeProvider.System.GetElapsedTime(since).TotalSeconds < after)
            await load.WaitForCompletedAsync(1);
        Assert.InRange(load.LongestGap, TimeSpan.Zero, Bound); // of every stream, while the link is cut still
        network.Heal(from, to);
        if (isBothWays)
            network.Heal(to, from);
        load.BeginGaps();
        await GoOnAsync(load);
    }

    private async Task RunAsync(Func<NetworkNamespaces, ProcessServer, StreamLoad, Task> test)
    {
        NetworkNamespaces.Require();
        using var network = new NetworkNamespaces(Ranks);
        var address = NetworkNamespaces.AddressOf(Gateway);
        await using var server = await ProcessServer.StartGatewayAsync(network.Inside(Gateway, ProcessServer.Executable, ["--external-workers", "true", "--join-secret-file", _secret.File, "--store-bind", $"{address}:0", .. Setup]), address);
        var store = await server.WaitForLogAsync("The rendezvous store listens at ");
        var workers = Enumerable.Range(0, Ranks).Select(Start).ToArray();
        try
        {
            await server.WaitForRanksAsync(Ranks);
            await using var load = new StreamLoad(server.Client, Streams);
            await load.WaitForCompletedAsync(Streams);
            await load.WaitUntilAllRunAsync();
            await test(network, server, load);
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
            string[] args = [.. Setup, "--ElasticEp:BindAddress", $"{NetworkNamespaces.AddressOf(rank)}:0", "--ElasticEp:UseUnixSockets", "false"];
            return ExternalWorker.Start(network.Inside(rank, ProcessServer.Executable, args), rank, store, _secret.File);
        }
    }
}
