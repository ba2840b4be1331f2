using ElasticEp.Hosting;
using ElasticEp.Placement;
using ElasticEp.Rendezvous;
using ElasticEp.Scaling;
using ElasticEp.Tests.Cluster;
using ElasticEp.Transport;
using ElasticEp.Transports.Tcp;
using ElasticEp.Transports.Tcp.Store;
using ElasticEp.Transports.Tcp.Transport;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace ElasticEp.Tests.Hosting;

/// <summary>Every Use… method may be called twice: the last call wins, nothing is started twice, and what the app has registered itself stays.</summary>
public sealed class ChoiceTests
{
    private static readonly CancellationToken Token = TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_policy_that_was_chosen_last_is_used()
    {
        var last = new DeepSeekEplb();
        await using var provider = Build(group => group.UsePlacement(new DeepSeekEplb()).UsePlacement(last));
        Assert.Same(last, Assert.Single(provider.GetKeyedServices<IPlacementPolicy>("g")));
    }

    [Fact]
    public async Task The_workload_that_was_chosen_last_is_used_in_whatever_way()
    {
        var last = new ToyWorkload();
        await using (var provider = Build(group => group.UseWorkload<ToyWorkload>().UseWorkload(_ => last)))
            Assert.Same(last, Assert.Single(provider.GetKeyedServices<IElasticWorkload>("g")));
        await using (var provider = Build(group => group.UseWorkload(_ => last).UseWorkload<ToyWorkload>()))
            Assert.NotSame(last, Assert.Single(provider.GetKeyedServices<IElasticWorkload>("g")));
    }

    [Fact]
    public async Task A_workload_is_one_object_for_its_group_and_another_one_for_another_group()
    {
        await using var provider = Build(group =>
        {
            group.UseWorkload<ToyWorkload>().UseWorkload<ToyWorkload>();
            group.Services.AddElasticExpertParallel("h", ToyGroup.Rank).UseWorkload<ToyWorkload>();
        });
        var first = provider.GetRequiredKeyedService<IElasticWorkload>("g");
        Assert.Same(first, provider.GetRequiredKeyedService<ToyWorkload>("g"));
        Assert.NotSame(first, provider.GetRequiredKeyedService<IElasticWorkload>("h"));
        Assert.Contains("g, h", Assert.Throws<ElasticEpException>(() => provider.GetRequiredService<ToyWorkload>()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_workload_of_one_group_is_resolved_by_its_own_type_and_one_that_the_app_has_registered_is_taken()
    {
        await using (var provider = Build(group => group.UseWorkload<ToyWorkload>()))
            Assert.Same(provider.GetRequiredKeyedService<IElasticWorkload>("g"), provider.GetRequiredService<ToyWorkload>());
        var own = new ToyWorkload();
        await using (var provider = Build(group =>
        {
            group.Services.AddSingleton(own);
            group.UseWorkload<ToyWorkload>().UseWorkload<ToyWorkload>();
        }))
        {
            Assert.Same(own, provider.GetRequiredKeyedService<IElasticWorkload>("g"));
            Assert.Same(own, provider.GetRequiredService<ToyWorkload>());
        }
    }

    [Fact]
    public async Task The_transport_and_the_store_that_were_chosen_last_are_used()
    {
        var cluster = new InProcessCluster();
        await using (var provider = Build(group => group.UseInProcessCluster(new InProcessCluster()).UseTcpTransport().UseInProcessCluster(cluster)))
        {
            Assert.IsType<InProcessTransport>(Assert.Single(provider.GetKeyedServices<ITransport>("g")));
            Assert.Same(cluster.Store, Assert.Single(provider.GetKeyedServices<IRendezvousStore>("g")));
        }

        await using (var provider = Build(group => group.UseTcpTransport(Store).UseInProcessCluster(cluster).UseTcpTransport()))
        {
            Assert.IsType<TcpTransport>(Assert.Single(provider.GetKeyedServices<ITransport>("g")));
            Assert.IsType<TcpRendezvousStore>(Assert.Single(provider.GetKeyedServices<IRendezvousStore>("g")));
        }
    }

    [Fact]
    public async Task What_the_app_has_registered_itself_stays()
    {
        var (policy, launcher) = (new DeepSeekEplb(), new NoLauncher());
        await using var provider = Build(group =>
        {
            group.Services.AddKeyedSingleton<IPlacementPolicy>("g", policy);
            group.Services.AddKeyedSingleton<IRankLauncher>("g", launcher);
            group.UsePlacement(new DeepSeekEplb()).UseLauncher(_ => new NoLauncher());
        });
        Assert.Same(policy, provider.GetRequiredKeyedService<IPlacementPolicy>("g"));
        Assert.Same(launcher, provider.GetRequiredKeyedService<IRankLauncher>("g"));
    }

    [Fact]
    public async Task Two_launchers_start_one_set_of_ranks()
    {
        using var deadline = Deadline();
        var (unused, launched) = (0, new List<int>());
        var builder = Host.CreateEmptyApplicationBuilder(null);
        var cluster = new InProcessCluster();
        var group = builder.Services.AddElasticExpertParallelClient("g", ToyGroup.Client);
        group.UseLauncher(_ =>
        {
            unused++;
            return new NoLauncher();
        }).UseInProcessLauncher(cluster, (_, _) => unused++).UseInProcessLauncher(cluster, (rank, launch) =>
        {
            launched.Add(launch.Rank);
            rank.UseWorkload<ToyWorkload>();
            rank.Services.AddHostedService<IdleLoop>();
        });
        using var host = builder.Build();
        await host.StartAsync(deadline.Token);
        await ToyGroup.WaitAsync(host.Services.GetRequiredService<IElasticGroupClient>(), 1, deadline.Token);
        await host.StopAsync(deadline.Token);
        Assert.Equal(0, unused);
        Assert.Equal([0], launched);
    }

    [Fact]
    public async Task A_store_that_is_hosted_twice_is_started_once_at_the_address_that_was_given_last()
    {
        using var deadline = Deadline();
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Services.AddElasticExpertParallelClient("g", ToyGroup.Client).UseTcpTransport().HostTcpStore("192.0.2.1:1").HostTcpStore(); // no machine has the first
        Assert.Single(builder.Services, service => service.IsKeyedService && service.ServiceType.Name == "TcpStoreHost");
        using var host = builder.Build();
        await host.StartAsync(deadline.Token);
        var environment = new Dictionary<string, string?>();
        host.Services.GetRequiredKeyedService<IWorkerEnvironment>("g").Fill(environment);
        Assert.StartsWith("127.0.0.1:", environment["ElasticEp__StoreAddress"], StringComparison.Ordinal);
        Assert.Equal(host.Services.GetServices<IHostedService>().Count(), host.Services.GetServices<IHostedService>().Distinct().Count());
        await host.StopAsync(deadline.Token);
        await ((IAsyncDisposable)host).DisposeAsync();
    }

    [Fact]
    public async Task Options_of_a_launcher_are_set_by_every_call_in_order()
    {
        await using var provider = Build(group => group
            .UseLocalProcessLauncher(launcher => (launcher.FileName, launcher.StopTimeout) = ("first", TimeSpan.FromSeconds(1)))
            .UseLocalProcessLauncher(launcher => launcher.FileName += " and second"));
        var options = provider.GetRequiredService<IOptionsMonitor<LocalProcessLauncherOptions>>().Get("g");
        Assert.Equal(("first and second", TimeSpan.FromSeconds(1)), (options.FileName, options.StopTimeout));
        Assert.Null(provider.GetRequiredService<IOptionsMonitor<LocalProcessLauncherOptions>>().Get("another group").FileName);
    }

    private static void Store(TcpOptions options) => options.StoreAddress = "store:6400";

    private static ServiceProvider Build(Action<IElasticEpBuilder> use)
    {
        var services = new ServiceCollection();
        use(services.AddElasticExpertParallel("g", ToyGroup.Rank));
        return services.BuildServiceProvider();
    }

    private static CancellationTokenSource Deadline()
    {
        var deadline = CancellationTokenSource.CreateLinkedTokenSource(Token);
        deadline.CancelAfter(ToyGroup.Deadline);
        return deadline;
    }

    private sealed class NoLauncher : IRankLauncher
    {
        public ValueTask<ILaunchedRank> LaunchAsync(RankLaunch launch, CancellationToken cancellationToken) => throw new InvalidOperationException("This one was not chosen.");
    }
}
