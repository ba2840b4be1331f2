using ElasticEp.Samples.Bench.Http;
using ElasticEp.Samples.Bench.Measuring;
using ElasticEp.Samples.Bench.Options;
using ElasticEp.Samples.Bench.Scaling;

namespace ElasticEp.Samples.Bench.Reporting;

/// <summary>All that is known after a run.</summary>
internal sealed record BenchResult
{
    public required ServeOptions Options { get; init; }

    public required ModelInfo Model { get; init; }

    public required DateTimeOffset Date { get; init; }

    public required double Duration { get; init; }

    public required IReadOnlyList<RequestOutcome> Requests { get; init; }

    public required IReadOnlyList<ScaleOutcome> Resizes { get; init; }

    public required RunMetrics Metrics { get; init; }

    public required IReadOnlyList<ScaleReport> ScaleReports { get; init; }

    public static BenchResult Of(
        ServeOptions options, ModelInfo model, DateTimeOffset date, double duration, IReadOnlyList<RequestOutcome> requests, IReadOnlyList<ScaleOutcome> resizes) => new()
        {
            Options = options,
            Model = model,
            Date = date,
            Duration = duration,
            Requests = requests,
            Resizes = resizes,
            Metrics = RunMetrics.Of(requests, duration, options.Percentiles, options.Goodput),
            ScaleReports = ScaleReport.Of(resizes, requests, duration),
        };

    /// <summary>Whether every request succeeded, and every resize that the run was long enough for.</summary>
    public bool IsSuccess => Metrics.Failed == 0 && ScaleReports.All(report => report.Outcome.IsSuccess);
}
