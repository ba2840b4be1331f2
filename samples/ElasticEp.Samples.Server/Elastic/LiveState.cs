namespace ElasticEp.Samples.Server.Elastic;

/// <summary>Everything that is worth seeing at one moment. Load and rates are those of the last second in which anything happened.</summary>
internal sealed record LiveState
{
    /// <summary>Unix seconds.</summary>
    public required double Time { get; init; }

    public required string Model { get; init; }

    public required long Epoch { get; init; }

    public required int Coordinator { get; init; }

    /// <summary>How the group is, as <c>/health/ready</c> says it.</summary>
    public required LiveHealth Health { get; init; }

    public required int MaxRanks { get; init; }

    public required int Standbys { get; init; }

    /// <summary>Processes that wait to be admitted.</summary>
    public required IReadOnlyList<LiveStandby> StandbyRanks { get; init; }

    public required IReadOnlyList<LiveRank> Ranks { get; init; }

    public required LiveExperts Experts { get; init; }

    public double? TokensPerSecond { get; init; }

    public LiveGaps? ItlMs { get; init; }

    public required int Running { get; init; }

    public required int Queued { get; init; }

    /// <summary>Mean over the layers of (mean load of a rank ÷ highest load of a rank); null without load.</summary>
    public double? Balancedness { get; init; }

    /// <summary>The same for each layer that has load, ascending.</summary>
    public required IReadOnlyList<double> LayerBalancedness { get; init; }

    /// <summary>Requests that were handed back in the middle, since the start.</summary>
    public required long HandedBackRequests { get; init; }

    public LiveOperation? Operation { get; init; }

    /// <summary>The newest first.</summary>
    public required IReadOnlyList<EndedOperation> Operations { get; init; }
}

/// <summary>One rank. What only its own report can tell is null until that has come.</summary>
internal sealed record LiveRank
{
    public required int Rank { get; init; }

    public required long Incarnation { get; init; }

    public required string Address { get; init; }

    /// <summary>The machine, rack or zone that the rank is on.</summary>
    public required string Node { get; init; }

    /// <summary>serving, suspected, lost, joining or leaving.</summary>
    public required string State { get; init; }

    /// <summary>Unix seconds since when.</summary>
    public required double Since { get; init; }

    /// <summary>Why; empty for one that serves.</summary>
    public required string Reason { get; init; }

    /// <summary>Id of its process, as it has said in its registration.</summary>
    public int? ProcessId { get; init; }

    public int? Running { get; init; }

    public int? Waiting { get; init; }

    public long? Steps { get; init; }

    public double? TokensPerSecond { get; init; }

    public double? StepMs { get; init; }

    public double? ComputeMs { get; init; }

    public double? ExchangeMs { get; init; }

    public double? WaitMs { get; init; }

    public double? LastPauseMs { get; init; }

    public double? KvUsage { get; init; }

    /// <summary>Logical expert or −1, per layer and slot.</summary>
    public required IReadOnlyList<int[]> Slots { get; init; }

    /// <summary>Rows that came to its experts, per layer.</summary>
    public required IReadOnlyList<long> Load { get; init; }

    /// <summary>Steps by duration since its start, in buckets of an eighth of an octave from a microsecond on.</summary>
    public long[]? StepDurations { get; init; }
}

/// <summary>A process that waits to be admitted: how far it is with the weights, in words.</summary>
internal sealed record LiveStandby(int Rank, int? ProcessId, string Detail);

/// <summary>How the group is: in one word, whether it serves, since when (unix seconds), and why.</summary>
internal sealed record LiveHealth(string Phase, bool Ready, double Since, string Detail);

/// <summary>Tokens per expert.</summary>
internal sealed record LiveExperts(int Layers, int Experts, IReadOnlyList<long[]> Load);

/// <summary>Gaps between the tokens of a request, in milliseconds.</summary>
internal sealed record LiveGaps(double Mean, double P99);
