using System.Globalization;
using ElasticEp.Cuda.Kernels;

namespace ElasticEp.Gpu;

/// <summary>The kernels against what PyTorch has for the same work, both timed in graphs, in the same run on the same card.</summary>
internal static class TorchSection
{
    private static readonly (int Tokens, int Hidden)[] Sizes =
        [.. from hidden in new[] { 2048, 7168 } from tokens in new[] { 16, 128, 1024, 4096 } select (tokens, hidden)];

    private static readonly (string Ours, string Theirs)[] Pairs =
    [
        ("gather", "index_select"), ("gather", "index_select compiled"), ("gather, one output", "index_select compiled, one output"), ("combine", "index_add"), ("combine", "index_add compiled"),
        ("combine", "mul + sum"), ("combine", "mul + sum compiled"), ("combine, one output", "mul + sum compiled, one output"),
    ];

    public static IReadOnlyList<string> Checks { get; } =
        [.. from size in Sizes from pair in Pairs select Name(size, pair)];

    public static void Run(Report report)
    {
        using var bench = new Bench();
        var before = MeasureOurs(bench);
        var theirs = new Dictionary<(string, int, int), double>();
        var script = Path.Combine(AppContext.BaseDirectory, "torch_baseline.py");
        var sizes = string.Join(',', Sizes.Select(size => $"{size.Tokens}x{size.Hidden}"));
        var result = Child.Run("python3", [script, sizes], TimeSpan.FromSeconds(230), line =>
        {
            var parts = line.Split('\t');
            if (parts.Length == 4)
                theirs[(parts[0], int.Parse(parts[1], CultureInfo.InvariantCulture), int.Parse(parts[2], CultureInfo.InvariantCulture))] = double.Parse(parts[3], CultureInfo.InvariantCulture);
            else
                report.Note(line);
        });
        report.Note($"python3 ended with {result?.ToString(CultureInfo.InvariantCulture) ?? "its time limit"}");
        var after = MeasureOurs(bench);
        foreach (var size in Sizes)
        {
            foreach (var pair in Pairs)
            {
                if (!theirs.TryGetValue((pair.Theirs, size.Tokens, size.Hidden), out var other))
                    continue;
                var (first, second) = (before[(pair.Ours, size.Tokens, size.Hidden)], after[(pair.Ours, size.Tokens, size.Hidden)]);
                var own = (first + second) / 2;
                report.Check(Name(size, pair), own <= 1.03 * other, $"{own:F2} µs ({first:F2} before, {second:F2} after), torch {other:F2}, ratio {own / other:F2}");
            }
        }
    }

    private static string Name((int Tokens, int Hidden) size, (string Ours, string Theirs) pair) => $"{pair.Ours} {size.Tokens} × {size.Hidden} against {pair.Theirs}";

    private static Dictionary<(string, int, int), double> MeasureOurs(Bench bench)
    {
        var times = new Dictionary<(string, int, int), double>();
        foreach (var (tokens, hidden) in Sizes)
        {
            var rowBytes = hidden * 2;
            var bytes = (long)tokens * rowBytes;
            var sets = Bench.Sets(2 * bytes);
            var launches = Math.Max(sets, 32) / sets * sets;
            var from = bench.Upload<int>(Shapes.Shuffle(tokens));
            var buffers = Enumerable.Range(0, sets).Select(_ => (Source: bench.Rows(bytes), Target: bench.Empty(bytes))).ToArray();
            times[("gather", tokens, hidden)] = bench.Time(launches, i => bench.Kernels.Gather(buffers[i % sets].Source, from, buffers[i % sets].Target, new RowCount(tokens), rowBytes));
            times[("gather, one output", tokens, hidden)] = bench.Time(launches, i => bench.Kernels.Gather(buffers[i % sets].Source, from, buffers[0].Target, new RowCount(tokens), rowBytes));
            bench.Free();

            sets = Bench.Sets(9 * bytes);
            launches = Math.Max(sets, 32) / sets * sets;
            var index = bench.Upload<int>([.. Enumerable.Range(0, tokens * Shapes.TopK)]);
            var weights = bench.Upload<float>(Shapes.Weights(tokens * Shapes.TopK));
            buffers = [.. Enumerable.Range(0, sets).Select(_ => (bench.Rows(bytes * Shapes.TopK), bench.Empty(bytes)))];
            times[("combine", tokens, hidden)] = bench.Time(launches, i => bench.Kernels.Sum(ElementType.BFloat16, buffers[i % sets].Source, index, weights, Shapes.TopK, buffers[i % sets].Target, new RowCount(tokens), Shapes.TopK, rowBytes));
            times[("combine, one output", tokens, hidden)] = bench.Time(launches, i => bench.Kernels.Sum(ElementType.BFloat16, buffers[i % sets].Source, index, weights, Shapes.TopK, buffers[0].Target, new RowCount(tokens), Shapes.TopK, rowBytes));
            bench.Free();
        }

        return times;
    }
}
