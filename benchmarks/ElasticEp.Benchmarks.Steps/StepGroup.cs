using ElasticEp.Hosting;
using ElasticEp.Rendezvous;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace ElasticEp.Benchmarks.Steps;

/// <summary>Ranks in hosts of their own inside this process, over the in-process transport or over sockets, all running steps.</summary>
internal sealed class StepGroup : IAsyncDisposable
{
    private readonly List<IHost> _hosts = [];
    private readonly List<StepRank> _ranks = [];
    private readonly List<Task> _loops = [];

    private StepGroup()
    {
    }

    public IReadOnlyList<StepRank> Ranks => _ranks;

    /// <summary>Starts a group and waits until all its ranks are members.</summary>
    /// <param name="ranks">How many.</param>
    /// <param name="links">What connects them.</param>
    /// <param name="heartbeat">How often each says that it lives; null for the library's default.</param>
    /// <param name="useSharedMemory">Has a rank send data through shared memory: older commits, which this is built against too, cannot.</param>
    public static async Task<StepGroup> StartAsync(int ranks, GroupLinks links, TimeSpan? heartbeat, Action<IElasticEpBuilder>? useSharedMemory)
    {
        var group = new StepGroup();
        var cluster = new InProcessCluster();
        for (var rank = 0; rank < ranks; rank++)
            await group.AddAsync(rank, ranks, links, heartbeat, useSharedMemory, cluster).ConfigureAwait(false);
        await group.WaitForMembersAsync(ranks).ConfigureAwait(false);
        group._loops.AddRange(group._ranks.Select(group.ServeAsync));
        return group;
    }

    public async ValueTask DisposeAsync()
    {
        await GroupOf(_hosts[0]).StopGroupAsync().ConfigureAwait(false);
        await Task.WhenAll(_loops).ConfigureAwait(false);
        foreach (var host in _hosts)
        {
            await host.StopAsync().ConfigureAwait(false);
            host.Dispose();
        }
    }

    /// <summary>A rank whose loop ends before the group is stopped leaves the others waiting: there is nothing to measure any more.</summary>
    private async Task ServeAsync(StepRank rank)
    {
        try
        {
            await rank.ServeAsync().ConfigureAwait(false);
        }
        catch (Exception exception)
        {
            await Console.Error.WriteLineAsync($"a rank has failed: {exception.Message}").ConfigureAwait(false);
            Environment.Exit(1);
        }
    }

    private static IElasticGroup GroupOf(IHost host) => host.Services.GetRequiredService<IElasticGroup>();

    /// <summary>By name: `benchmarks/compare` builds this against libraries of older commits too, which have no heartbeats.</summary>
    private static void SetHeartbeat(ElasticEpOptions options, TimeSpan interval)
    {
        var property = typeof(ElasticEpOptions).GetProperty("HeartbeatInterval")
            ?? throw new InvalidOperationException("This version of the library has no heartbeats; leave the option heartbeat out.");
        property.SetValue(options, interval);
    }

    private async Task AddAsync(int rank, int ranks, GroupLinks links, TimeSpan? heartbeat, Action<IElasticEpBuilder>? useSharedMemory, InProcessCluster cluster)
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        var group = builder.Services.AddElasticExpertParallel(options =>
        {
            options.Rank = rank;
            options.MaxRanks = ranks;
            options.InitialRanks = ranks;
            options.Model = StepShape.Model;
            options.MaxTokensPerRank = StepShape.MaxTokens;
            if (heartbeat is { } interval)
                SetHeartbeat(options, interval);
            options.SlotsPerRank = (StepShape.Model.Experts + ranks - 1) / ranks; // each expert once: rows really travel
        });
        if (links == GroupLinks.InProcess)
        {
            group.UseInProcessCluster(cluster);
        }
        else
        {
            builder.Services.AddKeyedSingleton<IRendezvousStore>(group.Name, cluster.Store); // so the address below is never dialled
            group.UseTcpTransport(tcp => (tcp.StoreAddress, tcp.UseUnixSockets) = ("127.0.0.1:1", links != GroupLinks.Tcp));
            if (links == GroupLinks.SharedMemory)
                (useSharedMemory ?? throw new InvalidOperationException("Here ranks have no links over shared memory."))(group);
        }

        group.UseWorkload<StepWorkload>();
        var host = builder.Build();
        _hosts.Add(host);
        await host.StartAsync().ConfigureAwait(false);
        _ranks.Add(new StepRank(GroupOf(host)));
    }

    private async Task WaitForMembersAsync(int ranks)
    {
        foreach (var host in _hosts)
        {
            await foreach (var view in GroupOf(host).Views.ConfigureAwait(false))
            {
                if (view.Members.Length == ranks)
                    break;
            }
        }
    }
}
