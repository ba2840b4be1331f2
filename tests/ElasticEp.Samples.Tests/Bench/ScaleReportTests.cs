using ElasticEp.Samples.Bench.Measuring;
using ElasticEp.Samples.Bench.Options;
using ElasticEp.Samples.Bench.Scaling;

namespace ElasticEp.Samples.Tests.Bench;

public sealed class ScaleReportTests
{
    /// <summary>A token each quarter of a second until 10, with a silence from 4 to 5, then each half until 20.</summary>
    private static readonly RequestOutcome[] Requests =
    [
        Outcomes.Succeeded(0, [.. Enumerable.Range(0, 17).Select(i => i * 0.25), .. Enumerable.Range(20, 20).Select(i => i * 0.25), .. Enumerable.Range(20, 20).Select(i => i * 0.5)]),
    ];

    [Fact]
    public void Throughput_is_compared_over_five_seconds_at_most_up_to_the_neighbours()
    {
        var reports = ScaleReport.Of([Made(4, 4, 4.5), Made(2, 12, 13), new ScaleOutcome { Step = new ScaleStep(9, TimeSpan.FromSeconds(30)) }], Requests, 14);
        Assert.Equal(2, reports.Count);
        Assert.Equal((4.0, 2.0, 18 / 5.0), (reports[0].ThroughputBefore, reports[0].ThroughputDuring, reports[0].ThroughputAfter));
        Assert.Equal(1, reports[0].LongestGap);
        Assert.Equal(((12 + 4) / 5.0, 2.0, 2.0), (reports[1].ThroughputBefore, reports[1].ThroughputDuring, reports[1].ThroughputAfter));
        Assert.Equal(0.5, reports[1].LongestGap);
    }

    [Fact]
    public void What_had_no_time_is_not_known()
    {
        var report = Assert.Single(ScaleReport.Of([Made(4, 0, 3)], [Outcomes.Succeeded(0, 1, 2)], 2));
        Assert.Null(report.ThroughputBefore);
        Assert.Null(report.ThroughputAfter);
        Assert.Equal(2 / 3.0, report.ThroughputDuring);
    }

    private static ScaleOutcome Made(int size, double start, double end) =>
        new() { Step = new ScaleStep(size, TimeSpan.FromSeconds(start)), Start = start, End = end, Status = 200 };
}
