using System.Diagnostics;
using System.Globalization;
using ElasticEp.Cuda;
using ElasticEp.Cuda.Kernels;

namespace ElasticEp.Gpu;

/// <summary>How long a process takes until all kernels are loaded, with an empty cache of the driver and with a filled one.</summary>
internal static class LoadSection
{
    public const string Cold = "all kernels loaded within 6 s, nothing cached";
    public const string Warm = "all kernels loaded within 1 s, cached by the driver";

    public static void Run(Report report)
    {
        var folder = Directory.CreateTempSubdirectory("elastic-ep-cache-").FullName;
        try
        {
            report.Check(Cold, Measure(report, folder, out var cold) <= 6, cold);
            report.Check(Warm, Measure(report, folder, out var warm) <= 1, warm);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    public static void RunChild(Report report)
    {
        using var device = CudaDevice.Open(0);
        var clock = Stopwatch.StartNew();
        foreach (var (method, threads) in KernelMethods.All)
            PtxCompiler.Shared.Compile(method.Method, new PtxTarget(device.ComputeCapability, false, threads, 0));
        var compiled = clock.Elapsed;
        using var library = KernelLibrary.Load(device);
        report.Note(string.Create(CultureInfo.InvariantCulture, $"LOAD {clock.Elapsed.TotalSeconds:F3} {compiled.TotalSeconds:F3}"));
    }

    private static double Measure(Report report, string cache, out string figure)
    {
        var (seconds, text) = (double.PositiveInfinity, "the process did not say");
        Child.Run(
            Environment.ProcessPath!,
            ["--section", "load-child"],
            TimeSpan.FromSeconds(30),
            line =>
            {
                var parts = line.Split(' ');
                if (parts.Length == 3 && parts[0] == "LOAD")
                    (seconds, text) = (double.Parse(parts[1], CultureInfo.InvariantCulture), $"{parts[1]} s, of which {parts[2]} s translating C#");
                else
                    report.Note(line);
            },
            ("CUDA_CACHE_PATH", cache));
        figure = text;
        return seconds;
    }
}
