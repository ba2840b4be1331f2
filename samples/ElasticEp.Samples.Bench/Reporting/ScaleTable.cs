using System.Globalization;
using ElasticEp.Samples.Bench.Http;
using ElasticEp.Samples.Bench.Measuring;
using ElasticEp.Samples.Bench.Scaling;

namespace ElasticEp.Samples.Bench.Reporting;

/// <summary>What follows the table when the run resized the group.</summary>
internal static class ScaleTable
{
    /// <param name="resizes">All that were asked for.</param>
    /// <param name="reports">Those that were made.</param>
    /// <param name="longestGap">Of the whole run.</param>
    /// <param name="duration">Of the run, in seconds.</param>
    public static string Render(IReadOnlyList<ScaleOutcome> resizes, IReadOnlyList<ScaleReport> reports, StreamGap? longestGap, double duration)
    {
        var table = new TableText();
        table.Heading(" Resizes during the run ", '=');
        table.Line("Longest gap in any stream (ms):", longestGap?.Length * 1000);
        table.Line("It began at (s):", longestGap?.From);
        foreach (var report in reports)
            Add(table, report);
        foreach (var left in resizes.Where(resize => resize.Start is null))
        {
            table.Heading(Title(left));
            table.Note(string.Create(CultureInfo.InvariantCulture, $"Not made: the run ended at {duration:F2} s, before its time."));
        }

        table.Rule();
        return table.ToString();
    }

    private static void Add(TableText table, ScaleReport report)
    {
        var outcome = report.Outcome;
        table.Heading(Title(outcome));
        table.Line("Start (s):", outcome.Start);
        table.Line("HTTP status:", outcome.Status?.ToString(CultureInfo.InvariantCulture) ?? "no answer");
        table.Line("Time taken (ms):", (outcome.End - outcome.Start) * 1000);
        if (outcome.IsSuccess)
        {
            foreach (var (name, value) in ScaleFigures.Read(outcome.Body))
                table.Line($"  {name}:", value.ToString("0.##", CultureInfo.InvariantCulture));
        }

        table.Line("Longest gap in any stream (ms):", report.LongestGap * 1000);
        table.Line("Output throughput before (tok/s):", report.ThroughputBefore);
        table.Line("Output throughput during (tok/s):", report.ThroughputDuring);
        table.Line("Output throughput after (tok/s):", report.ThroughputAfter);
        if (!outcome.IsSuccess)
            table.Note($"Failed: {outcome.Error ?? ServerError.Message(outcome.Body ?? "")}");
    }

    private static string Title(ScaleOutcome outcome) => string.Create(
        CultureInfo.InvariantCulture, $" To {outcome.Step.Size} rank{(outcome.Step.Size == 1 ? "" : "s")} at {outcome.Step.At.TotalSeconds:0.###} s ");
}
