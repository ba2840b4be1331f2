using ElasticEp.Hosting;
using ElasticEp.Runtime;
using ElasticEp.Tests.Cluster;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace ElasticEp.Tests.Hosting;

/// <summary>A serving loop that crashes ends its rank, and another one takes its place; a host that wants to stop leaves the group.</summary>
public sealed class CrashTests
{
    [Fact]
    public async Task A_rank_in_this_process_whose_loop_crashes_ends_says_why_and_is_replaced_at_once()
    {
        using var deadline = Deadline();
        var (builder, cluster, loops) = (Host.CreateEmptyApplicationBuilder(null), new InProcessCluster(), new List<CrashingLoop>());
        builder.Services.AddElasticExpertParallelClient("g", options =>
        {
            ToyGroup.Client(options);
            (options.InitialRanks, options.StepDeadline) = (2, TimeSpan.FromMinutes(5)); // nobody waits for it
        }).UseInProcessLauncher(cluster, (rank, launch) =>
        {
            rank.UseWorkload<ToyWorkload>();
            rank.Services.AddSingleton<IHostedService>(provider =>
            {
                var loop = new CrashingLoop(provider.GetRequiredService<IElasticGroup>(), launch.Rank);
                lock (loops)
                    loops.Add(loop);
                return loop;
            });
        });
        using var host = builder.Build();
        await host.StartAsync(deadline.Token);
        var group = host.Services.GetRequiredService<IElasticGroupClient>();
        var before = await ToyGroup.WaitAsync(group, 2, deadline.Token);
        CrashingLoop crashing;
        lock (loops)
            crashing = loops.Single(loop => loop.Rank == 1);
        crashing.Crash.SetResult();
        await foreach (var view in group.Views.WithCancellation(deadline.Token))
        {
            if (view.Find(1) is { } member && member.Incarnation != before.Find(1)!.Incarnation)
                break;
        }

        await host.StopAsync(deadline.Token);
    }

    [Theory]
    [InlineData(true, "failed: its serving loop has ended with NotSupportedException: broken")]
    [InlineData(false, "has left")]
    public async Task The_launcher_hears_how_it_has_ended(bool crashes, string expected)
    {
        using var deadline = Deadline();
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings { DisableDefaults = true });
        builder.Services.AddElasticExpertParallel("g", ToyGroup.Rank).UseInProcessCluster(new InProcessCluster()).UseWorkload<ToyWorkload>();
        builder.Services.AddSingleton(provider => new CrashingLoop(provider.GetRequiredService<IElasticGroup>(), 0));
        builder.Services.AddSingleton<IHostedService>(provider => provider.GetRequiredService<CrashingLoop>());
        var host = builder.Build();
        await host.StartAsync(deadline.Token);
        var rank = new InProcessRank(host, "g");
        await ToyGroup.WaitAsync(host.Services.GetRequiredService<IElasticGroup>(), 1, deadline.Token);
        var runtime = host.Services.GetRequiredKeyedService<RankRuntime>("g");
        if (crashes)
            host.Services.GetRequiredService<CrashingLoop>().Crash.SetResult();
        else
            await runtime.StopGroupAsync(deadline.Token);
        Assert.Equal(expected, await rank.Ended.WaitAsync(deadline.Token));
        await rank.DisposeAsync();
    }

    private static CancellationTokenSource Deadline()
    {
        var deadline = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        deadline.CancelAfter(ToyGroup.Deadline);
        return deadline;
    }

    /// <summary>Serves until it is told to crash, between two steps.</summary>
    private sealed class CrashingLoop(IElasticGroup group, int rank) : IdleLoop(group)
    {
        public TaskCompletionSource Crash { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public int Rank => rank;

        protected override async Task ExecuteAsync(CancellationToken stoppingToken)
        {
            using var crashed = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken);
            var serving = base.ExecuteAsync(crashed.Token);
            if (await Task.WhenAny(serving, Crash.Task) == serving)
            {
                await serving;
                return;
            }

            await crashed.CancelAsync();
            await serving;
            throw new NotSupportedException("broken");
        }
    }
}
