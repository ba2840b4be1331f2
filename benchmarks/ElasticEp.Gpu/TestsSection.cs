using System.Globalization;
using System.Text.RegularExpressions;

namespace ElasticEp.Gpu;

/// <summary>The conformance tests on this machine's GPU, plain and under compute-sanitizer, and the sample.</summary>
internal static partial class TestsSection
{
    public const string Tests = "conformance tests on the GPU";
    public const string Sample = "an expert kernel of an embedder";
    private static readonly string[] Tools = ["memcheck", "racecheck", "synccheck"];

    public static IReadOnlyList<string> SanitizerChecks { get; } = [.. Tools.Select(tool => $"compute-sanitizer {tool} finds nothing")];

    private static string TestProgram => Path.Combine(AppContext.BaseDirectory, "ElasticEp.Gpu.Tests");

    public static void Run(Report report)
    {
        var summary = "no summary";
        var result = Child.Run(TestProgram, ["-class", "*.Cuda*"], TimeSpan.FromSeconds(80), line =>
        {
            if (line.Contains("Total:", StringComparison.Ordinal))
                summary = line[line.IndexOf("Total:", StringComparison.Ordinal)..];
            else if (!line.Contains("[SKIP]", StringComparison.Ordinal))
                report.Note(line);
        });
        var match = Summary().Match(summary);
        var ran = match.Success ? int.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture) - int.Parse(match.Groups[2].Value, CultureInfo.InvariantCulture) : 0;
        report.Check(Tests, result == 0 && ran > 60, summary);
    }

    public static void RunSample(Report report) => report.Check(Sample, TrySample(out var last), last);

    /// <summary>Runs the sample as a process.</summary>
    public static bool TrySample(out string last)
    {
        var line = "it said nothing";
        var result = Child.Run(Path.Combine(AppContext.BaseDirectory, "ElasticEp.Samples.GpuExpert"), [], TimeSpan.FromSeconds(15), text => line = text);
        last = line;
        return result == 0;
    }

    /// <summary>
    /// One test at a time: with kernels of several streams at once racecheck hangs now and then. What kernels wait for has come before.
    /// </summary>
    public static void RunSanitizer(Report report)
    {
        foreach (var (tool, name) in Tools.Zip(SanitizerChecks))
        {
            var last = "no summary";
            var ran = "no tests";
            var result = Child.Run(
                "compute-sanitizer",
                ["--tool", tool, "--error-exitcode", "86", TestProgram, "-class", "*.Kernels.Cuda*", "-class", "*.Windows.Cuda*", "-parallel", "none"],
                TimeSpan.FromSeconds(65),
                line =>
                {
                    if (line.Contains("SUMMARY:", StringComparison.Ordinal))
                        last = line.Trim('=', ' ');
                    else if (line.Contains("Total:", StringComparison.Ordinal))
                        ran = line[line.IndexOf("Total:", StringComparison.Ordinal)..];
                    else if (line.StartsWith("=========", StringComparison.Ordinal))
                        report.Note(line);
                });
            report.Check(name, result == 0, $"{last}; {ran}");
        }
    }

    [GeneratedRegex(@"Total: (\d+).*Skipped: (\d+)")]
    private static partial Regex Summary();
}
