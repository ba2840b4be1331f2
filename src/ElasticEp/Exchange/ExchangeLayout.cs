namespace ElasticEp.Exchange;

/// <summary>Sizes that follow from the options alone: strides depend on capacity, never on who is present.</summary>
internal sealed class ExchangeLayout
{
    private const int Alignment = 64;

    public ExchangeLayout(ElasticEpOptions options)
    {
        MoeLayers = options.Model.MoeLayers;
        Experts = options.Model.Experts;
        TopK = options.Model.TopK;
        Hidden = options.Model.HiddenSize;
        RowType = options.Model.RowType;
        RowBytes = Hidden * EpBuffer.SizeOf(RowType);
        MaxTokens = options.MaxTokensPerRank;
        MaxRanks = options.MaxRanks;
        Lanes = options.Lanes;
        IsPreReduced = options.CombineMode == CombineMode.PreReduced;
        MetaInts = 1 + (IsPreReduced ? 2 * TopK : TopK);
    }

    public int MoeLayers { get; }

    public int Experts { get; }

    public int TopK { get; }

    public int Hidden { get; }

    public ElementType RowType { get; }

    public int RowBytes { get; }

    public int MaxTokens { get; }

    public int MaxRanks { get; }

    public int Lanes { get; }

    public bool IsPreReduced { get; }

    /// <summary>32-bit words that describe a row: token, slot or −1 for each of k positions, and when pre-reducing their weights.</summary>
    public int MetaInts { get; }

    /// <summary>Bytes of a receive region: a whole dispatch of one source.</summary>
    public long RegionBytes => RowsOffset(MaxTokens) + ((long)MaxTokens * RowBytes);

    /// <summary>Bytes of a lane's combine region: a row for each (token, position) of this rank, whatever the number of ranks.</summary>
    public long ReturnedBytes => (long)MaxTokens * TopK * RowBytes;

    /// <summary>Where the rows begin in a dispatch payload of <paramref name="count"/> rows.</summary>
    public long RowsOffset(int count) => ((4L * MetaInts * count) + Alignment - 1) / Alignment * Alignment;

    public long DispatchBytes(int count) => count == 0 ? 0 : RowsOffset(count) + ((long)count * RowBytes);
}
