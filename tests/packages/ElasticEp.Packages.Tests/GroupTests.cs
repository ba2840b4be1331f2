using ElasticEp.Hosting;
using ElasticEp.Transport;
using ElasticEp.Transports.Rdma;
using ElasticEp.Weights;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace ElasticEp.Packages.Tests;

/// <summary>Groups of the packages, as an app registers them.</summary>
public sealed class GroupTests
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task A_group_in_one_process_with_a_policy_of_the_app_scales_and_stops()
    {
        using var cancel = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        cancel.CancelAfter(Deadline);
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Services.AddElasticExpertParallelClient(Configure).UseInProcessLauncher(new InProcessCluster(), (rank, _) =>
        {
            rank.UseWorkload<Workload>().UsePlacement(new RoundRobin());
            rank.Services.AddHostedService<Loop>();
        });
        using var host = builder.Build();
        await host.StartAsync(cancel.Token);
        var group = host.Services.GetRequiredService<IElasticGroupClient>();
        await foreach (var view in group.Views.WithCancellation(cancel.Token))
        {
            if (view.Epoch > 0)
                break;
        }

        Assert.Equal(ScalePhase.Completed, (await group.ScaleAsync(3, cancellationToken: cancel.Token)).Outcome);
        Assert.Equal(3, group.View.Members.Length);
        await host.StopAsync(cancel.Token);
    }

    [Fact]
    public async Task The_transports_register_and_say_when_UCX_is_missing()
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Services.AddElasticExpertParallelClient(Configure).UseTcpTransport().HostTcpStore().UseRdmaTransport();
        using var host = builder.Build();
        if (UcxLibrary.IsSupported)
        {
            Assert.NotNull(host.Services.GetRequiredKeyedService<ITransport>(ElasticEpServiceCollectionExtensions.DefaultGroupName));
            return;
        }

        var error = await Assert.ThrowsAsync<OptionsValidationException>(() => host.StartAsync(TestContext.Current.CancellationToken));
        Assert.Contains(UcxLibrary.NotSupportedReason, error.Message, StringComparison.Ordinal);
    }

    private static void Configure(ElasticEpOptions options)
    {
        options.Model = new MoeModelShape { MoeLayers = 1, Experts = 4, TopK = 1, HiddenSize = 4, RowType = ElementType.Float32 };
        options.MaxTokensPerRank = 1;
        options.SlotsPerRank = 4;
    }

    private sealed class Workload : IElasticWorkload
    {
        public ValueTask InitializeAsync(IWeightRegistry weights, CancellationToken cancellationToken)
        {
            weights.DescribeExperts(layer: 0, [new ExpertPart("scale", sizeof(float))]);
            return default;
        }

        public ValueTask LoadDenseAsync(CancellationToken cancellationToken) => default;

        public ValueTask LoadExpertAsync(int layer, int expert, ExpertWeights destination, CancellationToken cancellationToken)
        {
            destination[0].AsSpan<float>()[0] = expert;
            return default;
        }
    }

    private sealed class Loop(IElasticGroup group) : BackgroundService
    {
        protected override async Task ExecuteAsync(CancellationToken stoppingToken)
        {
            try
            {
                while (await group.RunStepAsync((step, token) => step.ForwardExpertsAsync(0, default, default, default, default, (in ExpertBatch _) => { }, cancellationToken: token), stoppingToken))
                {
                    // there is nothing to give out
                }
            }
            catch (OperationCanceledException)
            {
                // the host stops
            }
        }
    }
}
