using ElasticEp.Hosting;
using ElasticEp.Runtime;
using ElasticEp.Scaling;
using ElasticEp.Tests.Cluster;
using ElasticEp.Transport;
using ElasticEp.Weights;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;

namespace ElasticEp.Tests.Hosting;

/// <summary>Two groups in one process share nothing: each has its workload, transport, store, launcher, addresses and health.</summary>
public sealed class TwoGroupsTests
{
    private static readonly CancellationToken Token = TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_gateway_of_two_groups_with_two_workloads_transports_stores_and_launchers_scales_each_by_itself()
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(Token);
        deadline.CancelAfter(ToyGroup.Deadline);
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Services.AddElasticExpertParallelClient("near", ToyGroup.Client).UseInProcessLauncher(new InProcessCluster(), (rank, _) =>
        {
            rank.UseWorkload<ToyWorkload>();
            rank.Services.AddHostedService<IdleLoop>();
        });
        var far = new TcpLauncher();
        builder.Services.AddElasticExpertParallelClient("far", Other).UseTcpTransport().HostTcpStore().UseLauncher(provider =>
        {
            far.Environment = provider.GetRequiredKeyedService<IWorkerEnvironment>("far");
            return far;
        });
        builder.Services.AddHealthChecks().AddElasticExpertParallel("near").AddElasticExpertParallel("far", HealthStatus.Degraded, ["far"], TimeSpan.FromSeconds(5));
        var host = builder.Build();
        await host.StartAsync(deadline.Token);
        var (nearGroup, farGroup) = (host.Services.GetRequiredKeyedService<IElasticGroupClient>("near"), host.Services.GetRequiredKeyedService<IElasticGroupClient>("far"));
        await ToyGroup.WaitAsync(nearGroup, 1, deadline.Token);
        await ToyGroup.WaitAsync(farGroup, 1, deadline.Token);
        var both = await Task.WhenAll(nearGroup.ScaleAsync(3, cancellationToken: deadline.Token), farGroup.ScaleAsync(2, cancellationToken: deadline.Token));
        Assert.All(both, result => Assert.Equal(ScalePhase.Completed, result.Outcome));
        Assert.Equal((3, 2), (nearGroup.View.Members.Length, farGroup.View.Members.Length));
        Assert.Equal((ToyModel.Layers, 1), (nearGroup.View.Placement.Layers, farGroup.View.Placement.Layers));
        Assert.Equal(OtherWorkload.Experts, farGroup.View.Placement.Experts);
        Assert.All(farGroup.View.Members, member => Assert.StartsWith("127.0.0.1:", member.Address, StringComparison.Ordinal));
        var report = await host.Services.GetRequiredService<HealthCheckService>().CheckHealthAsync(deadline.Token);
        Assert.Equal(4, report.Entries.Count);
        Assert.All(report.Entries.Values, entry => Assert.Equal(HealthStatus.Healthy, entry.Status));
        Assert.Contains("far", report.Entries["elasticep-far-ready"].Tags);

        Assert.Equal(ScalePhase.Completed, (await farGroup.ScaleAsync(1, cancellationToken: deadline.Token)).Outcome);
        Assert.Equal(3, nearGroup.View.Members.Length);
        await host.StopAsync(deadline.Token);
        await ((IAsyncDisposable)host).DisposeAsync();
    }

    [Fact]
    public async Task A_host_of_ranks_of_two_groups_gives_each_its_own_addresses_and_workload_from_one_configuration()
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(Token);
        deadline.CancelAfter(ToyGroup.Deadline);
        using var stores = Stores();
        await stores.StartAsync(deadline.Token);
        var builder = Host.CreateEmptyApplicationBuilder(null);
        foreach (var group in (string[])["one", "two"])
        {
            var environment = new Dictionary<string, string?>();
            stores.Services.GetRequiredKeyedService<IWorkerEnvironment>(group).Fill(environment);
            builder.Configuration.AddInMemoryCollection(environment.Select(entry => KeyValuePair.Create(entry.Key.Replace("ElasticEp__", $"ElasticEp:Groups:{group}:", StringComparison.Ordinal), entry.Value)));
        }

        builder.Configuration.AddInMemoryCollection([new("ElasticEp:Rank", "0"), new("ElasticEp:IsFirst", "1")]);
        builder.Services.AddElasticExpertParallel("one", ToyGroup.Client).UseTcpTransport().UseWorkload<ToyWorkload>();
        builder.Services.AddElasticExpertParallel("two", Other).UseTcpTransport().UseWorkload<OtherWorkload>();
        builder.Services.AddSingleton<IHostedService>(provider => new IdleLoop(provider.GetRequiredKeyedService<IElasticGroup>("one")));
        builder.Services.AddSingleton<IHostedService>(provider => new OtherLoop(provider.GetRequiredKeyedService<IElasticGroup>("two")));
        var host = builder.Build();
        await host.StartAsync(deadline.Token);
        var (one, two) = (host.Services.GetRequiredKeyedService<IElasticGroup>("one"), host.Services.GetRequiredKeyedService<IElasticGroup>("two"));
        var views = await Task.WhenAll(ToyGroup.WaitAsync(one, 1, deadline.Token), ToyGroup.WaitAsync(two, 1, deadline.Token));
        Assert.Equal((ToyModel.Experts, OtherWorkload.Experts), (views[0].Placement.Experts, views[1].Placement.Experts));
        Assert.NotEqual(views[0].Members[0].Address, views[1].Members[0].Address);
        Assert.Equal(ToyModel.Layers * ToyModel.Experts, host.Services.GetRequiredService<ToyWorkload>().ExpertLoads);
        Assert.NotSame(host.Services.GetRequiredKeyedService<ITransport>("one"), host.Services.GetRequiredKeyedService<ITransport>("two"));
        foreach (var group in (string[])["one", "two"])
        {
            var client = stores.Services.GetRequiredKeyedService<IElasticGroupClient>(group);
            await ToyGroup.WaitAsync(client, 1, deadline.Token);
            Assert.Equal(ScalePhase.Completed, (await client.StopGroupAsync(deadline.Token)).Outcome);
        }

        await Task.WhenAll(host.Services.GetRequiredKeyedService<RankRuntime>("one").Ended, host.Services.GetRequiredKeyedService<RankRuntime>("two").Ended).WaitAsync(deadline.Token);
        await host.StopAsync(deadline.Token);
        await ((IAsyncDisposable)host).DisposeAsync();
        await stores.StopAsync(deadline.Token);
    }

    /// <summary>A gateway that serves both groups' stores, at addresses of their own.</summary>
    private static IHost Stores()
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Services.AddElasticExpertParallelClient("one", ToyGroup.Client).UseTcpTransport().HostTcpStore();
        builder.Services.AddElasticExpertParallelClient("two", Other).UseTcpTransport().HostTcpStore();
        return builder.Build();
    }

    private static void Other(ElasticEpOptions options)
    {
        options.SlotsPerRank = OtherWorkload.Experts;
        options.Model = new MoeModelShape { MoeLayers = 1, Experts = OtherWorkload.Experts, TopK = 1, HiddenSize = 8, RowType = ElementType.Float32 };
    }

    /// <summary>Starts ranks of the other model in hosts that know of the group what a worker process is told.</summary>
    private sealed class TcpLauncher : IRankLauncher
    {
        public IWorkerEnvironment Environment { get; set; } = null!;

        public async ValueTask<ILaunchedRank> LaunchAsync(RankLaunch launch, CancellationToken cancellationToken)
        {
            var environment = new Dictionary<string, string?>();
            Environment.Fill(environment);
            var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings { DisableDefaults = true });
            builder.Configuration.AddInMemoryCollection(environment.Select(entry => KeyValuePair.Create(entry.Key.Replace("__", ":", StringComparison.Ordinal), entry.Value)));
            builder.Configuration["ElasticEp:Rank"] = $"{launch.Rank}";
            builder.Configuration["ElasticEp:IsFirst"] = "1";
            builder.Services.AddElasticExpertParallel(launch.Group, Other).UseTcpTransport().UseWorkload<OtherWorkload>();
            builder.Services.AddHostedService<OtherLoop>();
            builder.Services.AddSingleton<IHostLifetime, NoLifetime>();
            var host = builder.Build();
            await host.StartAsync(cancellationToken);
            return new InProcessRank(host, launch.Group);
        }
    }

    /// <summary>It listens to no signals: the test's process has its own.</summary>
    private sealed class NoLifetime : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }

    private sealed class OtherWorkload : IElasticWorkload
    {
        public const int Experts = 5;

        public ValueTask InitializeAsync(IWeightRegistry weights, CancellationToken cancellationToken)
        {
            weights.DescribeExperts(0, [new ExpertPart("w", sizeof(float))]);
            return default;
        }

        public ValueTask LoadDenseAsync(CancellationToken cancellationToken) => default;

        public ValueTask LoadExpertAsync(int layer, int expert, ExpertWeights destination, CancellationToken cancellationToken)
        {
            destination[0].AsSpan<float>()[0] = expert;
            return default;
        }
    }

    private sealed class OtherLoop(IElasticGroup group) : BackgroundService
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
