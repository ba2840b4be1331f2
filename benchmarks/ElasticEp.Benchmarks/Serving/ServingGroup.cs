using ElasticEp.Hosting;
using ElasticEp.Samples.Qwen3Moe;
using ElasticEp.Samples.Server;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace ElasticEp.Benchmarks.Serving;

/// <summary>Ranks in hosts of their own inside this process.</summary>
internal sealed class ServingGroup : IAsyncDisposable
{
    private readonly List<IHost> _hosts = [];
    private readonly List<ServingRank> _ranks = [];

    private ServingGroup()
    {
    }

    public IReadOnlyList<ServingRank> Ranks => _ranks;

    /// <summary>Starts a group and waits until all its ranks are members.</summary>
    public static async Task<ServingGroup> StartAsync(Checkpoint checkpoint, int ranks, int maxTokens)
    {
        var group = new ServingGroup();
        var cluster = new InProcessCluster();
        for (var rank = 0; rank < ranks; rank++)
            await group.AddAsync(checkpoint, rank, ranks, cluster, maxTokens).ConfigureAwait(false);
        await group.WaitForMembersAsync(ranks).ConfigureAwait(false);
        return group;
    }

    public async ValueTask DisposeAsync()
    {
        await Client(_hosts[0]).StopGroupAsync().ConfigureAwait(false);
        await Task.WhenAll(_ranks.Select(rank => rank.Loop)).ConfigureAwait(false);
        foreach (var host in _hosts)
        {
            await host.StopAsync().ConfigureAwait(false);
            host.Dispose();
        }
    }

    private async Task AddAsync(Checkpoint checkpoint, int rank, int ranks, InProcessCluster cluster, int maxTokens)
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        Qwen3Workload? model = null;
        var group = builder.Services.AddElasticExpertParallel(GroupSetup.GroupName, options =>
        {
            Fill(options, checkpoint.Config, ranks, maxTokens);
            options.Rank = rank;
            model ??= new Qwen3Workload(ModelSource.Of(checkpoint), Qwen3Limits.Of(checkpoint.Config, options.MaxTokensPerRank));
        });
        group.UseInProcessCluster(cluster).UseWorkload(_ => model!);
        var host = builder.Build();
        _hosts.Add(host);
        await host.StartAsync().ConfigureAwait(false);
        _ranks.Add(new ServingRank(Client(host), model!));
    }

    private static void Fill(ElasticEpOptions options, Qwen3MoeConfig config, int ranks, int maxTokens)
    {
        options.MaxRanks = ranks;
        options.InitialRanks = ranks;
        options.Model = new MoeModelShape
        {
            MoeLayers = config.SparseLayers.Count,
            Experts = config.Experts,
            TopK = config.TopK,
            HiddenSize = config.HiddenSize,
            RowType = ElementType.Float32,
        };
        options.MaxTokensPerRank = maxTokens;
        options.SlotsPerRank = (config.Experts + ranks - 1) / ranks; // each expert once: rows really travel
    }

    private static IElasticGroup Client(IHost host) => host.Services.GetRequiredKeyedService<IElasticGroup>(GroupSetup.GroupName);

    private async Task WaitForMembersAsync(int ranks)
    {
        foreach (var host in _hosts)
        {
            await foreach (var view in Client(host).Views.ConfigureAwait(false))
            {
                if (view.Members.Length == ranks)
                    break;
            }
        }
    }
}
