using System.Globalization;

namespace ElasticEp.Samples.Bench.Options;

/// <summary>Reads <c>4@10s,2@20s</c>: to 4 ranks ten seconds into the run, to 2 ranks at twenty.</summary>
internal static class ScaleSchedule
{
    private static readonly (string Suffix, double Seconds)[] Units = [("ms", 0.001), ("s", 1), ("m", 60)];

    /// <exception cref="ArgumentException">The text is no schedule; the message says what is wrong.</exception>
    public static IReadOnlyList<ScaleStep> Parse(string text)
    {
        var steps = new List<ScaleStep>();
        foreach (var part in text.Split(',', StringSplitOptions.TrimEntries))
        {
            var step = ParseStep(part);
            if (steps.Count > 0 && step.At <= steps[^1].At)
                throw new ArgumentException($"--scale {text}: {part} does not come after the resize before it; give the times in ascending order.");
            steps.Add(step);
        }

        return steps;
    }

    private static ScaleStep ParseStep(string part)
    {
        var at = part.IndexOf('@', StringComparison.Ordinal);
        if (at < 0 || !int.TryParse(part.AsSpan(0, at), NumberStyles.None, CultureInfo.InvariantCulture, out var size) || size < 1)
            throw Wrong(part);
        return new ScaleStep(size, ParseTime(part, part.AsSpan(at + 1)));
    }

    private static TimeSpan ParseTime(string part, ReadOnlySpan<char> text)
    {
        var scale = 1.0;
        foreach (var (suffix, seconds) in Units)
        {
            if (!text.EndsWith(suffix, StringComparison.Ordinal))
                continue;
            scale = seconds;
            text = text[..^suffix.Length];
            break;
        }

        return double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var value) && value * scale <= TimeSpan.MaxValue.TotalSeconds / 2
            ? TimeSpan.FromSeconds(value * scale)
            : throw Wrong(part);
    }

    private static ArgumentException Wrong(string part) =>
        new($"--scale: \"{part}\" is not SIZE@TIME, such as 4@10s (units ms, s and m; without a unit, seconds).");
}
