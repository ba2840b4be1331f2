using System.Globalization;

namespace ElasticEp.Samples.Bench.Options;

/// <summary>Reads the values of options; each error names the option and says what to give.</summary>
internal static class ValueReader
{
    private static readonly string[] KnownMetrics = ["ttft", "tpot", "itl", "e2el"];

    public static int Integer(string name, string text, int from, int to = int.MaxValue) =>
        int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value) && value >= from && value <= to
            ? value
            : throw new ArgumentException($"{name} {text} is not a number {(to == int.MaxValue ? $"of at least {from}" : $"from {from} to {to}")}.");

    /// <summary>A positive number or <c>inf</c>.</summary>
    public static double Positive(string name, string text)
    {
        if (text is "inf" or "Infinity" or "infinity")
            return double.PositiveInfinity;
        return double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) && value > 0 && double.IsFinite(value)
            ? value
            : throw new ArgumentException($"{name} {text} is not a number above 0 or inf.");
    }

    public static TimeSpan Seconds(string name, string text) => TimeSpan.FromSeconds(Integer(name, text, 0, 86_400));

    public static Uri Url(string name, string text) =>
        Uri.TryCreate(text, UriKind.Absolute, out var url) && url.Scheme is "http" or "https"
            ? url
            : throw new ArgumentException($"{name} {text} is not an address such as http://127.0.0.1:8000.");

    public static DatasetKind Dataset(string name, string text) => text switch
    {
        "random" => DatasetKind.Random,
        "text" => DatasetKind.Text,
        _ => throw new ArgumentException($"{name} {text} is not known; there are random and text."),
    };

    public static IReadOnlyList<string> Metrics(string name, string text)
    {
        var metrics = text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        var wrong = Array.Find(metrics, metric => !KnownMetrics.Contains(metric));
        return wrong is null
            ? metrics
            : throw new ArgumentException($"{name}: {wrong} is not known; there are {string.Join(", ", KnownMetrics)}.");
    }

    public static IReadOnlyList<ServiceLevel> ServiceLevels(string name, string text)
    {
        var levels = new List<ServiceLevel>();
        foreach (var part in text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            var pair = part.Split(':');
            if (pair is not [("ttft" or "tpot" or "e2el") and var metric, var limit] || !double.TryParse(limit, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var milliseconds) || levels.Any(level => level.Metric == metric))
                throw new ArgumentException($"{name}: \"{part}\" is not METRIC:MS with ttft, tpot or e2el, each once, as in ttft:500,tpot:50.");
            levels.Add(new ServiceLevel(metric, milliseconds));
        }

        return levels;
    }

    public static IReadOnlyList<double> Percentiles(string name, string text)
    {
        var percentiles = new List<double>();
        foreach (var part in text.Split(',', StringSplitOptions.TrimEntries))
        {
            if (!double.TryParse(part, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var percentile) || percentile > 100)
                throw new ArgumentException($"{name}: \"{part}\" is not a number from 0 to 100.");
            percentiles.Add(percentile);
        }

        return percentiles;
    }
}
