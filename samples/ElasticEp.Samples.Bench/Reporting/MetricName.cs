namespace ElasticEp.Samples.Bench.Reporting;

/// <summary>The names of a latency metric.</summary>
/// <param name="Key">On the command line and in the result file.</param>
/// <param name="Label">In a line of the table.</param>
/// <param name="Title">Above its lines.</param>
internal sealed record MetricName(string Key, string Label, string Title)
{
    /// <summary>All, in the order of the table.</summary>
    public static IReadOnlyList<MetricName> All { get; } =
    [
        new("ttft", "TTFT", "Time to First Token"),
        new("tpot", "TPOT", "Time per Output Token (excl. 1st token)"),
        new("itl", "ITL", "Inter-token Latency"),
        new("e2el", "E2EL", "End-to-end Latency"),
    ];
}
