namespace ElasticEp.Exchange;

/// <summary>Sizes that follow from the options alone: strides depend on capacity, never on who is present.</summary>
internal sealed class ExchangeLayout
{
    /// <summary>Most bytes of a row. Rows are counted and copied with 32-bit lengths, whole regions with 64 bits.</summary>
    public const int MaxRowBytes = 1 << 26;

    /// <exception cref="ElasticEpException"><see cref="ElasticEpErrorCode.InvalidArgument"/>: see <see cref="FindFaults"/>.</exception>
    public ExchangeLayout(ElasticEpOptions options)
    {
        if (FindFaults(options).FirstOrDefault() is { } fault)
            throw ExchangeErrors.Argument(fault);
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
        MayMissExperts = options.LostExperts == LostExpertsPolicy.Fail;
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

    /// <summary>Whether steps run while a rank still loads experts of its slots.</summary>
    public bool MayMissExperts { get; }

    /// <summary>32-bit words that describe a row: token, slot or −1 for each of k positions, and when pre-reducing their weights.</summary>
    public int MetaInts { get; }

    /// <summary>Bytes of a receive region: the metadata and the rows of a whole dispatch of one source.</summary>
    public long RegionBytes => MetaBytes(MaxTokens) + ((long)MaxTokens * RowBytes);

    /// <summary>Bytes of all receive regions of one source.</summary>
    public long SourceBytes => 2 * Lanes * RegionBytes;

    /// <summary>Bytes of a lane's combine region: a row for each (token, position) of this rank, whatever the number of ranks.</summary>
    public long ReturnedBytes => (long)MaxTokens * TopK * RowBytes;

    /// <summary>What is more than the exchange can count, with the numbers.</summary>
    public static IEnumerable<string> FindFaults(ElasticEpOptions options)
    {
        var model = options.Model;
        var rowBytes = (long)model.HiddenSize * EpBuffer.SizeOf(model.RowType);
        if (rowBytes > MaxRowBytes)
            yield return $"Model.HiddenSize is {model.HiddenSize}: a row of {model.RowType} would have {rowBytes} bytes; at most {MaxRowBytes}.";
        var rows = (long)options.MaxRanks * options.MaxTokensPerRank * model.TopK;
        if (rows > Array.MaxLength)
            yield return $"MaxRanks = {options.MaxRanks}, MaxTokensPerRank = {options.MaxTokensPerRank} and Model.TopK = {model.TopK} let {rows} rows come to one rank; at most {Array.MaxLength}. Lower one of them.";
    }

    /// <summary>Bytes of the metadata of so many rows of a dispatch.</summary>
    public long MetaBytes(int count) => 4L * MetaInts * count;
}
