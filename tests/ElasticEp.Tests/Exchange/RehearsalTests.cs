using ElasticEp.Exchange;
using ElasticEp.Exchange.Cpu;
using ElasticEp.Kernels;
using ElasticEp.TestKit;

namespace ElasticEp.Tests.Exchange;

public sealed class RehearsalTests
{
    [Theory]
    [InlineData(CombineMode.Exact, ElementType.Float32, 1, 12, 3)]
    [InlineData(CombineMode.Exact, ElementType.BFloat16, 4, 12, 3)]
    [InlineData(CombineMode.PreReduced, ElementType.BFloat16, 2, 12, 3)]
    [InlineData(CombineMode.Exact, ElementType.Float32, 1, 1, 1)]
    public async Task Two_steps_of_two_layers_run_through_on_two_ranks(CombineMode mode, ElementType type, int lanes, int experts, int topK)
    {
        var options = ExchangeSetup.Options(type, mode, layers: 5, experts: experts, topK: topK, lanes: lanes);
        var kernels = new Counting();
        await ExchangeRehearsal.RunAsync(options, new CpuEngineFactory(kernels), TimeProvider.System).WaitAsync(ExchangeGroup.Patience, TestContext.Current.CancellationToken);
        var reductions = mode == CombineMode.PreReduced ? 2 : 0; // for the other rank, and for this one
        Assert.Equal(2 * 2 * 2 * lanes * (1 + reductions), kernels.Sums);
        Assert.Equal((5, experts, 8), (options.Model.MoeLayers, options.Model.Experts, options.MaxRanks));
    }

    private sealed class Counting : IExchangeKernels
    {
        private readonly CpuExchangeKernels _kernels = new();
        private int _sums;

        public int Sums => Volatile.Read(ref _sums);

        public MemoryKind Memory => _kernels.Memory;

        public void CopyRows(EpBuffer source, ReadOnlySpan<int> from, EpBuffer destination, ReadOnlySpan<int> to, int rowBytes) => _kernels.CopyRows(source, from, destination, to, rowBytes);

        public void WeightedSum(EpBuffer rows, ReadOnlySpan<int> index, ReadOnlySpan<float> weights, EpBuffer output, int terms, int hidden)
        {
            Interlocked.Increment(ref _sums);
            _kernels.WeightedSum(rows, index, weights, output, terms, hidden);
        }
    }
}
