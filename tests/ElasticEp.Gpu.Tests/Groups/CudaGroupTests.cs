using ElasticEp.Cuda;
using ElasticEp.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace ElasticEp.Gpu.Tests.Groups;

/// <summary>Whole groups whose ranks exchange on GPUs: hosts, transitions, weights that move.</summary>
public sealed class CudaGroupTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly GpuOutputs _outputs = new();

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(CombineMode.Exact)]
    [InlineData(CombineMode.PreReduced)]
    public async Task A_group_of_one_grows_to_two_and_shrinks_again_and_every_output_stays_the_same(CombineMode mode)
    {
        Require(2);
        using var host = Start(mode, rank => rank);
        await host.StartAsync(Cancelled);
        var group = host.Services.GetRequiredService<IElasticGroupClient>();
        await _outputs.WaitAsync(1, 5, Cancelled).WaitAsync(Patience, Cancelled);
        foreach (var size in (int[])[2, 1, 2, 1])
        {
            var result = await group.ScaleAsync(size, cancellationToken: Cancelled).WaitAsync(Patience, Cancelled);
            Assert.True(result.Outcome == ScalePhase.Completed, $"{result.Outcome}: {result.Reason}");
            await _outputs.WaitAsync(size, 20, Cancelled).WaitAsync(Patience, Cancelled);
        }

        await host.StopAsync(Cancelled).WaitAsync(Patience, Cancelled);
        Assert.Null(_outputs.Failure);
    }

    [Fact]
    public async Task A_second_rank_on_the_same_GPU_is_refused_and_the_group_goes_on()
    {
        Require(1);
        using var host = Start(CombineMode.Exact, _ => 0);
        await host.StartAsync(Cancelled);
        var group = host.Services.GetRequiredService<IElasticGroupClient>();
        await _outputs.WaitAsync(1, 5, Cancelled).WaitAsync(Patience, Cancelled);
        var result = await group.ScaleAsync(2, cancellationToken: Cancelled).WaitAsync(Patience, Cancelled);
        Assert.Equal(ScalePhase.Aborted, result.Outcome);
        Assert.Contains("both use GPU-", result.Reason, StringComparison.Ordinal);
        await _outputs.WaitAsync(1, 20, Cancelled).WaitAsync(Patience, Cancelled);
        await host.StopAsync(Cancelled).WaitAsync(Patience, Cancelled);
        Assert.Null(_outputs.Failure);
    }

    private static void Require(int gpus)
    {
        var count = CudaDevice.Probe(out var reason);
        Assert.SkipWhen(count < gpus, $"It needs {gpus} GPUs of one host. {reason}");
    }

    private IHost Start(CombineMode mode, Func<int, int> deviceOf)
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Services.AddElasticExpertParallelClient(options =>
            {
                options.Model = new MoeModelShape { MoeLayers = GpuModel.Layers, Experts = GpuModel.Experts, TopK = GpuModel.TopK, HiddenSize = GpuModel.Hidden, RowType = ElementType.Float32 };
                options.MaxTokensPerRank = GpuModel.Tokens;
                options.SlotsPerRank = GpuModel.Experts;
                options.InitialRanks = 1;
                options.MaxRanks = 2;
                options.CombineMode = mode;
            })
            .UseInProcessLauncher(new InProcessCluster(), (rank, launch) =>
            {
                var device = deviceOf(launch.Rank);
                rank.UseWorkload<GpuModel>().UseCudaKernels(options => options.Device = device);
                rank.Services.AddSingleton<IHostedService>(provider => new GpuServingLoop(provider.GetRequiredService<IElasticGroup>(), device, _outputs));
            });
        return builder.Build();
    }
}
