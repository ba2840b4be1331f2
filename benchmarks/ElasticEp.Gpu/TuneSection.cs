using ElasticEp.Cuda.Kernels;

namespace ElasticEp.Gpu;

/// <summary>Sizes of grids side by side, for choosing <see cref="KernelTuning"/>; not part of a normal run.</summary>
internal static class TuneSection
{
    private static readonly KernelTuning[] Few =
    [
        .. from warps in new[] { 0, 4, 16 } from threads in new[] { 32, 128 } select new KernelTuning { FewWarps = warps, LeastThreads = threads },
    ];

    private static readonly KernelTuning[] Many = [.. new[] { 8, 16, 32, 64, 256 }.Select(blocks => new KernelTuning { CopyBlocks = blocks, SumBlocks = blocks })];

    public static void Run(Report report)
    {
        using var bench = new Bench();
        foreach (var (tokens, hidden) in new[] { (16, 2048), (128, 2048), (16, 7168), (128, 7168) })
            Measure(bench, report, tokens, hidden, Few, tuning => $"pieces below {tuning.FewWarps} warps, {tuning.LeastThreads} threads");
        foreach (var (tokens, hidden) in new[] { (1024, 7168), (4096, 7168) })
            Measure(bench, report, tokens, hidden, Many, tuning => $"{tuning.CopyBlocks} blocks");
    }

    private static void Measure(Bench bench, Report report, int tokens, int hidden, KernelTuning[] tunings, Func<KernelTuning, string> describe)
    {
        var rowBytes = hidden * 2;
        var bytes = (long)tokens * rowBytes;
        var sets = Bench.Sets(9 * bytes);
        var launches = Math.Max(sets, 32) / sets * sets;
        var from = bench.Upload<int>(Shapes.Shuffle(tokens));
        var index = bench.Upload<int>([.. Enumerable.Range(0, tokens * Shapes.TopK)]);
        var weights = bench.Upload<float>(Shapes.Weights(tokens * Shapes.TopK));
        var buffers = Enumerable.Range(0, sets).Select(_ => (Rows: bench.Rows(bytes * Shapes.TopK), Target: bench.Empty(bytes))).ToArray();
        foreach (var tuning in tunings)
        {
            var kernels = new ExchangeKernels(bench.Library.On(bench.Stream), tuning);
            var gather = bench.Time(launches, i => kernels.Gather(buffers[i % sets].Rows, from, buffers[i % sets].Target, new RowCount(tokens), rowBytes));
            var sum = bench.Time(launches, i => kernels.Sum(ElementType.BFloat16, buffers[i % sets].Rows, index, weights, Shapes.TopK, buffers[i % sets].Target, new RowCount(tokens), Shapes.TopK, rowBytes));
            report.Figure($"{tokens} × {hidden}, {describe(tuning)}", $"gather {gather:F2} µs, {2e-3 * bytes / gather:F0} GB/s; combine {sum:F2} µs, {9e-3 * bytes / sum:F0} GB/s");
        }

        bench.Free();
    }
}
