using System.Globalization;
using System.Security.Cryptography;
using System.Text.RegularExpressions;

namespace ElasticEp.Gpu.Windows;

/// <summary>The same exchange in plain CUDA C++, built here and run in the same call: microseconds of a layer, of 48 in a graph.</summary>
internal static partial class XchgBaseline
{
    private const string Sha256 = "ff05f25631a0293858450ac64402ac7169d586ea3730f9e29cdc15bab5b3db7f";

    /// <returns>Time by <see cref="WindowCase.Key"/>; empty when it did not run.</returns>
    public static Dictionary<string, double> Run(Report report)
    {
        var times = new Dictionary<string, double>();
        var source = Path.Combine(AppContext.BaseDirectory, "xchg.cu");
        var hash = Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(source)));
        if (hash != Sha256)
        {
            report.Note($"xchg.cu was changed: its hash is {hash}.");
            return times;
        }

        var folder = Directory.CreateTempSubdirectory("elastic-ep-xchg-").FullName;
        try
        {
            var program = Path.Combine(folder, "xchg");
            if (Child.Run("nvcc", ["-O3", "-arch=sm_90a", "-o", program, source, "-lcuda"], TimeSpan.FromSeconds(90), report.Note) != 0)
                return times;
            var result = Child.Run(program, [], TimeSpan.FromSeconds(85), line =>
            {
                var match = Line().Match(line);
                if (match.Success)
                    times[$"{match.Groups[2].Value}x{match.Groups[1].Value}-{match.Groups[3].Value.Trim()}-{match.Groups[4].Value}"] = double.Parse(match.Groups[5].Value, CultureInfo.InvariantCulture);
                else
                    report.Note($"xchg: {line}");
            });
            report.Note($"xchg ended with {result?.ToString(CultureInfo.InvariantCulture) ?? "its time limit"}");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }

        return times;
    }

    /// <summary>hidden, tokens, what, one, p99, 48 layers in a graph, 48 layers with fused waits, …</summary>
    [GeneratedRegex(@"^\s*(\d+)\s+(\d+) (bf16|fp8 )\+(exact|pre)\s+[\d.]+\s+[\d.]+\s+[\d.]+\s+([\d.]+)\s")]
    private static partial Regex Line();
}
