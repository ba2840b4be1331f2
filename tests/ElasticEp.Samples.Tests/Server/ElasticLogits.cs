using ElasticEp.Hosting;
using ElasticEp.Samples.Qwen3Moe;
using ElasticEp.Samples.Server;
using ElasticEp.Samples.Serving;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace ElasticEp.Samples.Tests.Server;

/// <summary>Runs chunks of sequences through the model on every rank of an elastic group and gives all their logits.</summary>
internal sealed class ElasticLogits : IAsyncDisposable
{
    private const string Group = "logits";

    private readonly List<IHost> _hosts = [];
    private readonly Checkpoint _checkpoint = Checkpoint.Open(EmbeddedModel.Directory);

    public static async Task<ElasticLogits> StartAsync(int ranks, int maxTokens)
    {
        var group = new ElasticLogits();
        var cluster = new InProcessCluster();
        for (var rank = 0; rank < ranks; rank++)
        {
            var builder = Host.CreateEmptyApplicationBuilder(null);
            builder.Services.AddSingleton<ILoggerFactory>(NullLoggerFactory.Instance);
            var (number, config) = (rank, group._checkpoint.Config);
            var limits = Qwen3Limits.Of(config, maxTokens);
            builder.Services.AddElasticExpertParallel(Group, o =>
            {
                (o.Rank, o.MaxRanks, o.InitialRanks) = (number, ranks, ranks);
                o.Model = new MoeModelShape { MoeLayers = config.SparseLayers.Count, Experts = config.Experts, TopK = config.TopK, HiddenSize = config.HiddenSize, RowType = ElementType.Float32 };
                o.MaxTokensPerRank = maxTokens;
                o.SlotsPerRank = (config.Experts + ranks - 1) / ranks;
            }).UseInProcessCluster(cluster).UseWorkload(_ => new Qwen3Workload(ModelSource.Of(group._checkpoint), limits));
            group._hosts.Add(builder.Build());
        }

        await Task.WhenAll(group._hosts.Select(host => host.StartAsync()));
        return group;
    }

    /// <summary>One step: rank i computes batches[i]. All logits, per rank, row after row.</summary>
    public Task<float[][][]> ForwardAsync(SequenceChunk[][] batches) => Task.WhenAll(_hosts.Select((host, rank) => ForwardAsync(host, batches[rank])));

    public async ValueTask DisposeAsync()
    {
        var group = _hosts[0].Services.GetRequiredService<IElasticGroup>();
        var stopping = group.StopGroupAsync();
        await Task.WhenAll(_hosts.Select(async host =>
        {
            var (rank, workload) = (host.Services.GetRequiredService<IElasticGroup>(), (Qwen3Workload)host.Services.GetRequiredKeyedService<IElasticWorkload>(Group));
            while (await rank.RunStepAsync((step, token) => RunAsync(step, workload, [], token)).AsTask().WaitAsync(TestServer.Deadline))
            {
                // empty steps until the group has ended
            }
        }));
        await stopping.WaitAsync(TestServer.Deadline);
        foreach (var host in _hosts)
        {
            await host.StopAsync();
            host.Dispose();
        }
    }

    private static async Task<float[][]> ForwardAsync(IHost host, SequenceChunk[] batch)
    {
        var (group, workload) = (host.Services.GetRequiredService<IElasticGroup>(), (Qwen3Workload)host.Services.GetRequiredKeyedService<IElasticWorkload>(Group));
        group.NotifyWork();
        Assert.True(await group.RunStepAsync((step, token) => RunAsync(step, workload, batch, token)).AsTask().WaitAsync(TestServer.Deadline));
        return [.. Enumerable.Range(0, workload.Workspace.Rows).Select(row =>
        {
            var logits = new float[workload.Network.Config.VocabularySize];
            workload.Network.ComputeLogits(workload.Workspace, row, logits);
            return logits;
        })];
    }

    private static async ValueTask RunAsync(ElasticStep step, Qwen3Workload workload, SequenceChunk[] batch, CancellationToken token)
    {
        workload.Experts.Use(step);
        await workload.Network.ForwardAsync(batch, workload.Workspace, workload.Experts, token);
    }
}
