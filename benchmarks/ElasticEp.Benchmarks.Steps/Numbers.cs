using System.Globalization;

namespace ElasticEp.Benchmarks.Steps;

/// <summary>Medians, and options of the form <c>name=value</c>.</summary>
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

    public static int Option(string[] args, string name, int standard) => Text(args, name) is { } text ? int.Parse(text, CultureInfo.InvariantCulture) : standard;

    public static double Fraction(string[] args, string name, double standard) => Text(args, name) is { } text ? double.Parse(text, CultureInfo.InvariantCulture) : standard;

    /// <summary>An option of several numbers with commas between them.</summary>
    public static int[] Options(string[] args, string name, int[] standard) =>
        Text(args, name) is { } text ? [.. text.Split(',').Select(number => int.Parse(number, CultureInfo.InvariantCulture))] : standard;

    /// <summary>An option's text, or null when it is not given.</summary>
    public static string? Text(string[] args, string name) =>
        args.FirstOrDefault(arg => arg.StartsWith(name + "=", StringComparison.Ordinal))?[(name.Length + 1)..];
}
