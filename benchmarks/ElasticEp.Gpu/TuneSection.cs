using ElasticEp.Cuda.Kernels;

namespace ElasticEp.Gpu;

/// <summary>Sizes of grids side by side, for choosing <see cref="KernelTuning"/>; not part of a normal run.</summary>
internal static class TuneSection
{
    public static void Run(Report report)
    {
        using var bench = new Bench();
        foreach (var (tokens, hidden) in new[] { (16, 2048), (128, 7168), (1024, 7168), (4096, 7168) })
        {
            var rowBytes = hidden * 2;
            var bytes = (long)tokens * rowBytes;
            var sets = Bench.Sets(9 * bytes);
            var launches = Math.Max(sets, 8) / sets * sets;
            var from = bench.Upload<int>(Shapes.Shuffle(tokens));
            var index = bench.Upload<int>([.. Enumerable.Range(0, tokens * Shapes.TopK)]);
            var weights = bench.Upload<float>(Shapes.Weights(tokens * Shapes.TopK));
            var buffers = Enumerable.Range(0, sets).Select(_ => (Rows: bench.Rows(bytes * Shapes.TopK), Target: bench.Empty(bytes))).ToArray();
            foreach (var blocks in new[] { 4, 6, 8, 12, 16, 32, 64, 256 })
            {
                var kernels = new ExchangeKernels(bench.Library.On(bench.Stream), new KernelTuning { CopyBlocks = blocks, SumBlocks = blocks });
                var gather = bench.Time(launches, i => kernels.Gather(buffers[i % sets].Rows, from, buffers[i % sets].Target, new RowCount(tokens), rowBytes));
                var sum = bench.Time(launches, i => kernels.Sum(ElementType.BFloat16, buffers[i % sets].Rows, index, weights, Shapes.TopK, buffers[i % sets].Target, new RowCount(tokens), Shapes.TopK, rowBytes));
                report.Figure($"{tokens} × {hidden}, {blocks} blocks", $"gather {bench.Describe(gather, 2.0 * bytes)}; combine {bench.Describe(sum, 9.0 * bytes)}");
            }

            bench.Free();
        }
    }
}
