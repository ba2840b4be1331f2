using ElasticEp.Cuda;
using ElasticEp.Exchange;
using ElasticEp.Exchange.Cpu;
using ElasticEp.Exchange.Gpu;
using ElasticEp.Hosting;
using ElasticEp.Runtime;
using ElasticEp.Tests.Cluster;
using ElasticEp.Transport;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace ElasticEp.Tests.Hosting;

public sealed class RegistrationTests
{
    private static readonly CancellationToken Token = TestContext.Current.CancellationToken;

    [Fact]
    public void Adding_a_group_twice_is_adding_it_once()
    {
        var services = new ServiceCollection();
        services.AddElasticExpertParallel("g", Shape);
        var count = services.Count(descriptor => descriptor.ServiceType == typeof(IHostedService));
        services.AddElasticExpertParallel("g", options => options.MaxTokensPerRank = 5);
        Assert.Equal(count, services.Count(descriptor => descriptor.ServiceType == typeof(IHostedService)));
    }

    [Fact]
    public async Task A_group_is_resolved_by_its_name_and_without_one_when_it_is_alone()
    {
        var services = new ServiceCollection();
        Complete(services.AddElasticExpertParallel("g", Shape));
        await using var provider = services.BuildServiceProvider();
        var group = provider.GetRequiredKeyedService<IElasticGroup>("g");
        Assert.Same(group, provider.GetRequiredService<IElasticGroup>());
        Assert.Same(group, provider.GetRequiredService<IElasticGroupClient>());
        Assert.Equal("g", group.Name);
    }

    [Fact]
    public async Task Two_groups_must_be_asked_for_by_name()
    {
        var services = new ServiceCollection();
        Complete(services.AddElasticExpertParallel("a", Shape));
        Complete(services.AddElasticExpertParallel("b", Shape));
        await using var provider = services.BuildServiceProvider();
        Assert.NotSame(provider.GetRequiredKeyedService<IElasticGroup>("a"), provider.GetRequiredKeyedService<IElasticGroup>("b"));
        Assert.Contains("a, b", Assert.Throws<ElasticEpException>(provider.GetRequiredService<IElasticGroup>).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_kernels_that_were_chosen_last_are_used_by_the_group_that_chose_them()
    {
        var services = new ServiceCollection();
        services.AddLogging();
        Complete(services.AddElasticExpertParallel("a", Shape)).UseCpuKernels().UseCudaKernels(options => options.Device = 1).UseCudaKernels(options => options.Device = 2);
        Complete(services.AddElasticExpertParallel("b", Shape)).UseCudaKernels().UseCpuKernels();
        await using var provider = services.BuildServiceProvider();
        Assert.IsType<CudaEngineFactory>(Assert.Single(provider.GetKeyedServices<IExchangeEngineFactory>("a")));
        Assert.IsType<CpuEngineFactory>(Assert.Single(provider.GetKeyedServices<IExchangeEngineFactory>("b")));
        Assert.Equal(2, provider.GetRequiredService<IOptionsMonitor<CudaKernelOptions>>().Get("a").Device);
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(1000)]
    public async Task A_GPU_that_cannot_be_used_is_named_when_the_host_starts(int device)
    {
        var words = device < 0 ? "Device must be 0 or more" : CudaDevice.Probe(out var reason) == 0 ? reason : $"There is no GPU {device}";
        var builder = Host.CreateEmptyApplicationBuilder(null);
        Complete(builder.Services.AddElasticExpertParallel("g", Shape)).UseCudaKernels(options => options.Device = device);
        using var host = builder.Build();
        var error = await Assert.ThrowsAnyAsync<Exception>(() => host.StartAsync(Token));
        Assert.Contains(words, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_the_environment_says_of_this_process_reaches_the_ranks_in_it()
    {
        var node = new TaskCompletionSource<(string?, int)>(TaskCreationOptions.RunContinuationsAsynchronously);
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?> { ["ElasticEp:Node"] = "n7", ["ElasticEp:FlightRecorderEvents"] = "77" });
        builder.Services.AddElasticExpertParallelClient("g", Client).UseInProcessLauncher(new InProcessCluster(), (rank, _) =>
        {
            rank.UseWorkload<ToyWorkload>();
            rank.Services.AddOptions<ElasticEpOptions>("g").PostConfigure(options => node.TrySetResult((options.Node, options.FlightRecorderEvents)));
        });
        using var host = builder.Build();
        await host.StartAsync(Token);
        Assert.Equal(("n7", 77), await node.Task.WaitAsync(TimeSpan.FromSeconds(30), Token));
        await host.StopAsync(Token);
    }

    [Fact]
    public void One_host_is_not_both_rank_and_client()
    {
        var services = new ServiceCollection();
        services.AddElasticExpertParallel("g", Shape);
        Assert.Throws<ElasticEpException>(() => services.AddElasticExpertParallelClient("g", Shape));
    }

    [Theory]
    [InlineData(false, true, "has no transport")]
    [InlineData(true, false, "has no workload")]
    public async Task A_missing_part_is_named_when_the_host_starts(bool hasCluster, bool hasWorkload, string words)
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        var group = builder.Services.AddElasticExpertParallel("g", Shape);
        if (hasCluster)
            group.UseInProcessCluster(new InProcessCluster());
        if (hasWorkload)
            group.UseWorkload<ToyWorkload>();
        using var host = builder.Build();
        var error = await Assert.ThrowsAsync<ElasticEpException>(() => host.StartAsync(Token));
        Assert.Contains(words, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Health_tells_forming_and_serving()
    {
        var cluster = new InProcessCluster();
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Services.AddElasticExpertParallelClient("g", Client).UseInProcessLauncher(cluster, (rank, _) =>
        {
            rank.UseWorkload<ToyWorkload>();
            rank.Services.AddHostedService<IdleLoop>();
        });
        builder.Services.AddHealthChecks().AddElasticExpertParallel("g");
        using var host = builder.Build();
        var health = host.Services.GetRequiredService<HealthCheckService>();
        Assert.Equal(HealthStatus.Unhealthy, (await health.CheckHealthAsync(check => check.Tags.Contains("ready"), Token)).Status);
        await host.StartAsync(Token);
        await foreach (var view in host.Services.GetRequiredService<IElasticGroupClient>().Views.WithCancellation(Token))
        {
            if (view.Epoch > 0)
                break;
        }

        var report = await health.CheckHealthAsync(Token);
        Assert.Equal(HealthStatus.Healthy, report.Status);
        Assert.Equal("serving", report.Entries["elasticep-g-ready"].Data["phase"]);
        var registration = new HealthCheckRegistration("g", _ => null!, HealthStatus.Unhealthy, []);
        var degraded = await new GroupHealthCheck(host.Services.GetRequiredService<IElasticGroupClient>(), rank: null, host.Services.GetRequiredKeyedService<ClientRuntime>("g"), new FailedPart(), isReadiness: true)
            .CheckHealthAsync(new HealthCheckContext { Registration = registration }, Token);
        Assert.Equal(HealthStatus.Degraded, degraded.Status);
        Assert.EndsWith("; a part has failed", degraded.Description, StringComparison.Ordinal);
        await host.StopAsync(Token);
    }

    private static IElasticEpBuilder Complete(IElasticEpBuilder builder) => builder.UseInProcessCluster(new InProcessCluster()).UseWorkload(_ => new ToyWorkload());

    private static void Client(ElasticEpOptions options)
    {
        Shape(options);
        options.Rank = null;
    }

    private static void Shape(ElasticEpOptions options)
    {
        (options.Rank, options.SlotsPerRank) = (0, ToyModel.Experts);
        options.Model = new MoeModelShape { MoeLayers = ToyModel.Layers, Experts = ToyModel.Experts, TopK = ToyModel.TopK, HiddenSize = ToyModel.Hidden, RowType = ElementType.Float32 };
    }

    private sealed class FailedPart : ITransportHealth
    {
        public string Degradation => "a part has failed";
    }
}
