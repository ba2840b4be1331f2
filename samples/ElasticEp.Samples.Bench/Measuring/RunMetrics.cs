using ElasticEp.Samples.Bench.Options;

namespace ElasticEp.Samples.Bench.Measuring;

/// <summary>The figures of a run, each as <c>vllm bench serve</c> defines it. Failed requests count as failed and nowhere else.</summary>
internal sealed record RunMetrics
{
    public required int Completed { get; init; }

    public required int Failed { get; init; }

    /// <summary>Seconds from the start to the end of the last request.</summary>
    public required double Duration { get; init; }

    /// <summary>Completed requests that kept every level that was asked for; null when none was.</summary>
    public int? Good { get; init; }

    public required long InputTokens { get; init; }

    public required long OutputTokens { get; init; }

    /// <summary>Most pieces of streams in one second, counted from the first request.</summary>
    public required double PeakOutputThroughput { get; init; }

    public required int PeakConcurrency { get; init; }

    /// <summary>From sending a request to its first token.</summary>
    public required LatencySummary TimeToFirstToken { get; init; }

    /// <summary>Per request of more than one token: the time after the first token, over the tokens after the first.</summary>
    public required LatencySummary TimePerOutputToken { get; init; }

    /// <summary>Gaps between neighbouring pieces of a stream, of all streams together.</summary>
    public required LatencySummary InterTokenLatency { get; init; }

    /// <summary>From sending a request to its last token.</summary>
    public required LatencySummary EndToEndLatency { get; init; }

    public double RequestThroughput => PerSecond(Completed);

    public double? RequestGoodput => Good is { } good ? PerSecond(good) : null;

    public double OutputThroughput => PerSecond(OutputTokens);

    public double TotalThroughput => PerSecond(InputTokens + OutputTokens);

    public static RunMetrics Of(IReadOnlyList<RequestOutcome> outcomes, double duration, IReadOnlyList<double> percentiles, IReadOnlyList<ServiceLevel>? levels = null)
    {
        var completed = outcomes.Where(outcome => outcome.IsSuccess).ToArray();
        var gaps = new List<double>();
        foreach (var outcome in completed)
        {
            for (var i = 1; i < outcome.Chunks.Count; i++)
                gaps.Add(outcome.Chunks[i].Time - outcome.Chunks[i - 1].Time);
        }

        return new RunMetrics
        {
            Completed = completed.Length,
            Failed = outcomes.Count - completed.Length,
            Duration = duration,
            Good = levels is { Count: > 0 } ? completed.Count(outcome => levels.All(level => Value(outcome, level.Metric) * 1000 <= level.Milliseconds)) : null,
            InputTokens = completed.Sum(outcome => (long)outcome.InputTokens),
            OutputTokens = completed.Sum(outcome => (long)outcome.OutputTokens),
            PeakOutputThroughput = TokenRate.Peak(completed),
            PeakConcurrency = Concurrency.Peak(completed),
            TimeToFirstToken = LatencySummary.Of([.. completed.Select(outcome => outcome.TimeToFirstToken)], percentiles),
            TimePerOutputToken = LatencySummary.Of([.. completed.Where(outcome => outcome.OutputTokens > 1).Select(PerOutputToken)], percentiles),
            InterTokenLatency = LatencySummary.Of(gaps, percentiles),
            EndToEndLatency = LatencySummary.Of([.. completed.Select(outcome => outcome.Latency)], percentiles),
        };
    }

    /// <summary>The summary of a metric by its name on the command line.</summary>
    public LatencySummary Latencies(string metric) => metric switch
    {
        "ttft" => TimeToFirstToken,
        "tpot" => TimePerOutputToken,
        "itl" => InterTokenLatency,
        "e2el" => EndToEndLatency,
        _ => throw new ArgumentOutOfRangeException(nameof(metric), metric, "There is no such metric."),
    };

    /// <summary>Seconds; an answer of one token has no time per output token, which keeps any level.</summary>
    private static double Value(RequestOutcome outcome, string metric) => metric switch
    {
        "ttft" => outcome.TimeToFirstToken,
        "tpot" => outcome.OutputTokens > 1 ? PerOutputToken(outcome) : 0,
        _ => outcome.Latency,
    };

    private static double PerOutputToken(RequestOutcome outcome) => (outcome.Latency - outcome.TimeToFirstToken) / (outcome.OutputTokens - 1);

    private double PerSecond(double count) => Duration > 0 ? count / Duration : 0;
}
