using System.Text.Json;
using System.Text.Json.Serialization;

namespace ElasticEp.Samples.Server.Serving;

/// <summary>What a rank tells the front ends once a second while anything happens. Counts and times grow from its start on.</summary>
internal sealed record RankReport
{
    public required int ProcessId { get; init; }

    public required bool IsLeaving { get; init; }

    public required int Running { get; init; }

    public required int Waiting { get; init; }

    /// <summary>Part of the cache's pages that are lent, 0 to 1.</summary>
    public required double CacheUsage { get; init; }

    public required long PromptTokens { get; init; }

    public required long GeneratedTokens { get; init; }

    public required long Steps { get; init; }

    public required long Retries { get; init; }

    public required double StepSeconds { get; init; }

    public required double ExchangeSeconds { get; init; }

    public required double WaitSeconds { get; init; }

    public required long ViewChanges { get; init; }

    public required double LastPauseSeconds { get; init; }

    public required long StaleFrames { get; init; }

    public required long WeightBytesReceived { get; init; }

    /// <summary>Steps by duration, see <see cref="DurationHistogram"/>.</summary>
    public required long[] StepDurations { get; init; }

    /// <summary>Steps by the tokens that this rank computed in them, from none on.</summary>
    public required long[] StepTokens { get; init; }

    /// <summary>Seconds that it waited for each other rank.</summary>
    public required Dictionary<int, double> WaitSecondsBySource { get; init; }

    /// <summary>The last recoveries that it has led.</summary>
    public required RecoveryTimes[] Recoveries { get; init; }

    /// <summary>Rows that came to its experts, <c>[layers, experts]</c>.</summary>
    public required long[] ReceivedRows { get; init; }

    public byte[] Encode() => JsonSerializer.SerializeToUtf8Bytes(this, RankReportJson.Default.RankReport);

    public static RankReport? Decode(ReadOnlyMemory<byte> payload) => JsonSerializer.Deserialize(payload.Span, RankReportJson.Default.RankReport);
}

[JsonSerializable(typeof(RankReport))]
internal sealed partial class RankReportJson : JsonSerializerContext;
