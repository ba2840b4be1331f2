using System.Globalization;
using ElasticEp.Cuda;

namespace ElasticEp.Gpu.Windows;

/// <summary>
/// The exchange through windows between two processes with a GPU each: bits against the processor's engine, time against the same in plain
/// CUDA C++ and against NCCL, all in one run.
/// </summary>
internal static class WindowsSection
{
    private const double Factor = 1.25;

    public static IReadOnlyList<string> Checks { get; } =
        [.. WindowCase.All.SelectMany(shape => (string[])[shape.BitsCheck, shape.TimeCheck]), .. WindowCase.All.Where(shape => shape.HasViewCheck).Select(shape => shape.ViewCheck), .. WindowCase.All.Where(shape => shape.HasNcclCheck).Select(shape => shape.NcclCheck)];

    public static void Run(Report report)
    {
        if (CudaDevice.Probe(out var reason) < 2)
        {
            report.Note($"It needs two GPUs. {reason}");
            return;
        }

        var baseline = XchgBaseline.Run(report);
        var ours = RunRanks(report);
        var nccl = RunNccl(report, ours);
        var copyRate = ours.TryGetValue("copy", out var copy) ? double.Parse(copy[0], CultureInfo.InvariantCulture) : double.NaN;
        report.Figure("copy of 1 GiB", string.Create(CultureInfo.InvariantCulture, $"{copyRate / 1e9:F0} GB/s read and written"));
        foreach (var shape in WindowCase.All)
        {
            if (ours.TryGetValue(shape.Key, out var figures))
                Judge(report, shape, [.. figures.Select(figure => double.Parse(figure, CultureInfo.InvariantCulture))], baseline, nccl, copyRate);
        }
    }

    /// <summary>Times of the parts of a layer, for choosing <see cref="Cuda.Kernels.KernelTuning"/>; not part of a normal run.</summary>
    public static void RunProfile(Report report) => RunRanks(report, (WindowsRankSection.ProfileVariable, "1"));

    private static void Judge(Report report, WindowCase shape, double[] figures, Dictionary<string, double> baseline, Dictionary<string, (double Eager, double Captured)> nccl, double copyRate)
    {
        report.Check(shape.BitsCheck, figures[0] == 0, $"{figures[0]:F0} tokens wrong");
        if (shape.HasViewCheck)
            report.Check(shape.ViewCheck, figures[7] == 0, $"{figures[7]:F0} tokens wrong");
        var (layer, exchange) = (figures[1], figures[2]);
        var sentBytes = shape.UsesFloat8 ? Cuda.Kernels.Float8Row.Bytes(shape.Hidden) : shape.Hidden * 2;
        var regroup = ((figures[3] * sentBytes) + (figures[4] * shape.Hidden * 2)) / copyRate * 1e6;
        if (baseline.TryGetValue(shape.Key, out var other))
            report.Check(shape.TimeCheck, layer <= Factor * (other + regroup), string.Create(CultureInfo.InvariantCulture, $"{layer:F1} µs; xchg {other:F1} + regrouping {regroup:F1}: {layer / (other + regroup):F2}"));
        else
            report.Figure($"{shape.Key}: a layer", string.Create(CultureInfo.InvariantCulture, $"{layer:F1} µs; regrouping {regroup:F1}"));
        if (!nccl.TryGetValue(shape.Key, out var pair))
            return;
        var text = string.Create(CultureInfo.InvariantCulture, $"{exchange:F1} µs; NCCL eager {pair.Eager:F1} ({pair.Eager / exchange:F2} ×), captured {pair.Captured:F1} ({pair.Captured / exchange:F2} ×)");
        report.Check(shape.NcclCheck, pair.Eager >= shape.NcclFactor * exchange, text);
    }

    private static Dictionary<string, string[]> RunRanks(Report report, params (string Name, string Value)[] variables)
    {
        var figures = new Dictionary<string, string[]>();
        var folder = Directory.CreateTempSubdirectory("elastic-ep-windows-").FullName;
        var path = Path.Combine(folder, "socket");
        Parallel.For(0, 2, new ParallelOptions { MaxDegreeOfParallelism = 2 }, rank =>
        {
            var result = Child.Run(
                Environment.ProcessPath!,
                ["--section", "windows-rank"],
                TimeSpan.FromSeconds(150),
                line =>
                {
                    var parts = line.Split('\t');
                    lock (figures)
                    {
                        if (parts[0] == WindowsRankSection.Mark)
                            figures[parts[1]] = parts[2..];
                        else
                            report.Note($"rank {rank}: {line}");
                    }
                },
                [.. variables, (WindowsRankSection.RankVariable, rank.ToString(CultureInfo.InvariantCulture)),
                (WindowsRankSection.SocketVariable, path),
                ("CUDA_MODULE_LOADING", "EAGER"),
                ("CUDA_DEVICE_MAX_CONNECTIONS", "32")]);
            report.Note($"rank {rank} ended with {result?.ToString(CultureInfo.InvariantCulture) ?? "its time limit"}");
        });
        Directory.Delete(folder, recursive: true);
        return figures;
    }

    /// <summary>Two all_to_all_single that carry exactly the bytes of each configuration; the same sizes are measured once.</summary>
    private static Dictionary<string, (double Eager, double Captured)> RunNccl(Report report, Dictionary<string, string[]> ours)
    {
        var found = new Dictionary<string, (double, double)>();
        var configs = WindowCase.All.Where(shape => shape.HasNcclCheck && ours.ContainsKey(shape.Key)).Select(shape =>
        {
            var figures = ours[shape.Key];
            var (rows, entries) = (long.Parse(figures[5], CultureInfo.InvariantCulture), long.Parse(figures[6], CultureInfo.InvariantCulture));
            return $"{shape.Key}:{rows * shape.Hidden * 2}:{(shape.IsPreReduced ? rows : entries) * shape.Hidden * 2}";
        });
        var list = string.Join(',', configs);
        if (list.Length == 0)
            return found;
        var result = Child.Run("python3", [Path.Combine(AppContext.BaseDirectory, "nccl_baseline.py"), list], TimeSpan.FromSeconds(100), line =>
        {
            var parts = line.Split('\t');
            if (parts.Length == 4 && parts[0] == "NCCL")
                found[parts[1]] = (double.Parse(parts[2], CultureInfo.InvariantCulture), double.Parse(parts[3], CultureInfo.InvariantCulture));
            else
                report.Note(line);
        });
        report.Note($"python3 ended with {result?.ToString(CultureInfo.InvariantCulture) ?? "its time limit"}");
        return found;
    }
}
