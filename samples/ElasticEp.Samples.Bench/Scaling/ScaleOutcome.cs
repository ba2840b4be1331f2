using ElasticEp.Samples.Bench.Options;

namespace ElasticEp.Samples.Bench.Scaling;

/// <summary>What became of one resize. Times are seconds since the run began.</summary>
internal sealed record ScaleOutcome
{
    public required ScaleStep Step { get; init; }

    /// <summary>When it was asked for; null when the run ended before its time.</summary>
    public double? Start { get; init; }

    /// <summary>When its answer came.</summary>
    public double? End { get; init; }

    /// <summary>HTTP status; null when there was no answer.</summary>
    public int? Status { get; init; }

    /// <summary>Body of the answer, as it came.</summary>
    public string? Body { get; init; }

    /// <summary>Why there was no answer.</summary>
    public string? Error { get; init; }

    public bool IsSuccess => Status is >= 200 and < 300;
}
