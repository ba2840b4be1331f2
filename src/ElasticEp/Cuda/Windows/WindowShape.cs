namespace ElasticEp.Cuda.Windows;

/// <summary>Sizes that decide how a window is laid out; the same on all ranks of a group.</summary>
internal sealed record WindowShape
{
    /// <summary>Most ranks of the group.</summary>
    public required int MaxRanks { get; init; }

    /// <summary>Most tokens of a rank in one layer.</summary>
    public required int MaxTokens { get; init; }

    /// <summary>Values of a row.</summary>
    public required int Hidden { get; init; }

    /// <summary>Type of the rows that the app gives and gets.</summary>
    public required ElementType RowType { get; init; }

    /// <summary>Experts of a token, at most 32.</summary>
    public required int TopK { get; init; }

    /// <summary>Experts of a layer.</summary>
    public required int Experts { get; init; }

    /// <summary>MoE layers.</summary>
    public required int MoeLayers { get; init; }

    /// <summary>Slots of a rank.</summary>
    public required int SlotsPerRank { get; init; }

    /// <summary>Exchanges of one layer that may be under way at the same time.</summary>
    /// <value>Default 1.</value>
    public int Lanes { get; init; } = 1;

    /// <summary>Whether a rank returns one sum for each row that it got, instead of each expert's row.</summary>
    public bool IsPreReduced { get; init; }

    /// <summary>Whether rows are dispatched as e4m3.</summary>
    public bool UsesFloat8 { get; init; }

    /// <summary>Whether the scales of such rows are powers of two.</summary>
    public bool UsesPowersOfTwo { get; init; }

    /// <summary>Bytes of the ring through which weights arrive.</summary>
    public long WeightsRingBytes { get; init; }
}
