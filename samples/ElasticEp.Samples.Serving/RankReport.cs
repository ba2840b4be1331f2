using System.Text.Json;
using System.Text.Json.Serialization;

namespace ElasticEp.Samples.Serving;

/// <summary>What a rank tells the front ends once a second while anything happens. Counts and times grow from its start on.</summary>
public sealed record RankReport
{
    /// <summary>Id of its process on its machine.</summary>
    public required int ProcessId { get; init; }

    /// <summary>Whether it hands its requests back.</summary>
    public required bool IsLeaving { get; init; }

    /// <summary>Requests that run.</summary>
    public required int Running { get; init; }

    /// <summary>Requests that wait for room.</summary>
    public required int Waiting { get; init; }

    /// <summary>Part of the cache's pages that are lent, 0 to 1.</summary>
    public required double CacheUsage { get; init; }

    /// <summary>Prompt tokens that it has computed, those of requests that came from other ranks included.</summary>
    public required long PromptTokens { get; init; }

    /// <summary>Tokens that it has generated.</summary>
    public required long GeneratedTokens { get; init; }

    /// <summary>Steps that it has completed.</summary>
    public required long Steps { get; init; }

    /// <summary>Attempts beyond the first of a step.</summary>
    public required long Retries { get; init; }

    /// <summary>Time of steps.</summary>
    public required double StepSeconds { get; init; }

    /// <summary>Time of steps in dispatch and combine, without waiting.</summary>
    public required double ExchangeSeconds { get; init; }

    /// <summary>Time of steps that it waited for others.</summary>
    public required double WaitSeconds { get; init; }

    /// <summary>View changes after which it ran a step.</summary>
    public required long ViewChanges { get; init; }

    /// <summary>The newest pause between two views.</summary>
    public required double LastPauseSeconds { get; init; }

    /// <summary>Frames of older attempts that were thrown away.</summary>
    public required long StaleFrames { get; init; }

    /// <summary>Weight bytes that it received from peers.</summary>
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

    internal byte[] Encode() => JsonSerializer.SerializeToUtf8Bytes(this, RankReportJson.Default.RankReport);

    internal static RankReport? Decode(ReadOnlyMemory<byte> payload) => JsonSerializer.Deserialize(payload.Span, RankReportJson.Default.RankReport);
}

[JsonSerializable(typeof(RankReport))]
internal sealed partial class RankReportJson : JsonSerializerContext;
