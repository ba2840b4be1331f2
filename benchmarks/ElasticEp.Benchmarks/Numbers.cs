using System.Globalization;

namespace ElasticEp.Benchmarks;

/// <summary>Medians, and options of the form <c>name=number</c>.</summary>
internal static class Numbers
{
    /// <summary>A percentile with linear interpolation between neighbours.</summary>
    public static double Percentile(IEnumerable<double> values, double percentile)
    {
        var sorted = values.Order().ToArray();
        var place = percentile / 100 * (sorted.Length - 1);
        var below = (int)place;
        return below + 1 >= sorted.Length ? sorted[below] : sorted[below] + ((sorted[below + 1] - sorted[below]) * (place - below));
    }

    public static double Median(IEnumerable<double> values) => Percentile(values, 50);

    public static int Option(string[] args, string name, int standard)
    {
        foreach (var arg in args)
        {
            if (arg.StartsWith(name + "=", StringComparison.Ordinal))
                return int.Parse(arg.AsSpan(name.Length + 1), CultureInfo.InvariantCulture);
        }

        return standard;
    }
}
