using System.Globalization;
using System.Text;
using ElasticEp.Samples.Bench.Measuring;
using ElasticEp.Samples.Bench.Scaling;

namespace ElasticEp.Samples.Bench.Reporting;

/// <summary>Draws output tokens per second over time as SVG, with a band for each resize.</summary>
internal static class ThroughputChart
{
    private const double Width = 860;
    private const double Height = 380;
    private const double Left = 72;
    private const double Right = 24;
    private const double Top = 82;
    private const double Bottom = 48;
    private const double PlotWidth = Width - Left - Right;
    private const double PlotHeight = Height - Top - Bottom;
    private const int MostTimeTicks = 12;
    private const int MostRateTicks = 5;
    private const double MinBand = 1.5;
    private const double LabelHeight = 15;

    private const string Style = """
        <style>
          text { font: 12px system-ui, sans-serif; fill: #4b5563; }
          .title { font-size: 15px; font-weight: 600; fill: #111827; }
          .grid { stroke: #e5e7eb; }
          .axis { stroke: #9ca3af; }
          .area { fill: #2563eb; fill-opacity: 0.12; }
          .line { fill: none; stroke: #2563eb; stroke-width: 1.8; stroke-linejoin: round; }
          .resize { fill: #ea580c; fill-opacity: 0.35; }
          .failed { fill: #dc2626; fill-opacity: 0.6; }
          .label { fill: #9a3412; }
        </style>
        """;

    /// <summary>Seconds that one point of the line stands for: 60 to 240 points, and never less than a tenth.</summary>
    public static double IntervalFor(double duration) => duration switch
    {
        < 12 => 0.1,
        < 30 => 0.25,
        < 120 => 0.5,
        _ => Math.Ceiling(duration / 240),
    };

    public static string Render(IReadOnlyList<RequestOutcome> requests, IReadOnlyList<ScaleReport> resizes, double duration, string title)
    {
        var interval = IntervalFor(duration);
        var rates = TokenRate.Series(requests, duration, interval);
        var rateStep = AxisTicks.Step(rates.Max(), MostRateTicks);
        var top = Math.Max(rateStep, Math.Ceiling(rates.Max() / rateStep) * rateStep);
        var svg = new StringBuilder();
        svg.Append(CultureInfo.InvariantCulture, $"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {Width} {Height}\" width=\"{Width}\" height=\"{Height}\" role=\"img\">\n");
        svg.Append(CultureInfo.InvariantCulture, $"<title>{Escape(title)}</title>\n{Style}\n<rect width=\"{Width}\" height=\"{Height}\" fill=\"#ffffff\"/>\n");
        Text(svg, Left, 24, "start", "title", title);
        Text(svg, Left, 42, "start", null, string.Create(CultureInfo.InvariantCulture, $"output tokens/s, in intervals of {interval:0.##} s"));
        Axes(svg, duration, top, rateStep);
        for (var i = 0; i < resizes.Count; i++)
            Band(svg, resizes[i].Outcome, duration, Top - 6 - (i % 2 * LabelHeight));
        Curve(svg, rates, interval, duration, top);
        return svg.Append("</svg>\n").ToString();
    }

    private static void Axes(StringBuilder svg, double duration, double top, double rateStep)
    {
        for (var rate = 0.0; rate <= top * 1.0001; rate += rateStep)
        {
            Line(svg, rate == 0 ? "axis" : "grid", Left, Y(rate, top), Left + PlotWidth, Y(rate, top));
            Text(svg, Left - 8, Y(rate, top) + 4, "end", null, rate.ToString("0.##", CultureInfo.InvariantCulture));
        }

        var step = AxisTicks.Step(duration, MostTimeTicks);
        for (var time = 0.0; time <= duration * 1.0001; time += step)
        {
            Line(svg, "axis", X(time, duration), Top + PlotHeight, X(time, duration), Top + PlotHeight + 4);
            Text(svg, X(time, duration), Top + PlotHeight + 18, "middle", null, time.ToString("0.##", CultureInfo.InvariantCulture));
        }

        Text(svg, Left + (PlotWidth / 2), Height - 10, "middle", null, "seconds");
    }

    private static void Band(StringBuilder svg, ScaleOutcome resize, double duration, double labelY)
    {
        var start = X(Math.Min(resize.Start!.Value, duration), duration);
        var width = Math.Max(MinBand, X(Math.Min(resize.End!.Value, duration), duration) - start);
        var time = (resize.End.Value - resize.Start.Value) * 1000;
        svg.Append(CultureInfo.InvariantCulture, $"<rect class=\"{(resize.IsSuccess ? "resize" : "failed")}\" x=\"{start:0.##}\" y=\"{Top}\" width=\"{width:0.##}\" height=\"{PlotHeight}\"/>\n");
        var isLate = start > Left + (PlotWidth * 0.8);
        Text(svg, isLate ? start - 4 : start + width + 4, labelY, isLate ? "end" : "start", "label", string.Create(
            CultureInfo.InvariantCulture, $"{(resize.IsSuccess ? "" : "failed: ")}to {resize.Step.Size} in {time:0} ms"));
    }

    private static void Curve(StringBuilder svg, double[] rates, double interval, double duration, double top)
    {
        var points = new StringBuilder();
        for (var i = 0; i < rates.Length; i++)
        {
            var middle = ((i * interval) + Math.Min(duration, (i + 1) * interval)) / 2;
            points.Append(CultureInfo.InvariantCulture, $"{(i == 0 ? "" : " ")}{X(middle, duration):0.##},{Y(rates[i], top):0.##}");
        }

        var (first, last) = (X(Math.Min(duration, interval) / 2, duration), X((((rates.Length - 1) * interval) + duration) / 2, duration));
        var floor = Top + PlotHeight;
        svg.Append(CultureInfo.InvariantCulture, $"<polygon class=\"area\" points=\"{first:0.##},{floor:0.##} {points} {last:0.##},{floor:0.##}\"/>\n");
        svg.Append(CultureInfo.InvariantCulture, $"<polyline class=\"line\" points=\"{points}\"/>\n");
    }

    private static double X(double time, double duration) => Left + (duration > 0 ? time / duration * PlotWidth : 0);

    private static double Y(double rate, double top) => Top + PlotHeight - (rate / top * PlotHeight);

    private static void Line(StringBuilder svg, string style, double x1, double y1, double x2, double y2) =>
        svg.Append(CultureInfo.InvariantCulture, $"<line class=\"{style}\" x1=\"{x1:0.##}\" y1=\"{y1:0.##}\" x2=\"{x2:0.##}\" y2=\"{y2:0.##}\"/>\n");

    private static void Text(StringBuilder svg, double x, double y, string anchor, string? style, string text) =>
        svg.Append(CultureInfo.InvariantCulture, $"<text x=\"{x:0.##}\" y=\"{y:0.##}\" text-anchor=\"{anchor}\"{(style is null ? "" : $" class=\"{style}\"")}>{Escape(text)}</text>\n");

    private static string Escape(string text) => text.Replace("&", "&amp;", StringComparison.Ordinal).Replace("<", "&lt;", StringComparison.Ordinal).Replace(">", "&gt;", StringComparison.Ordinal);
}
