namespace ElasticEp;

/// <summary>The rows that one slot is to compute.</summary>
public readonly struct ExpertBatch
{
    /// <summary>Creates a batch.</summary>
    public ExpertBatch(int layer, int slot, int expert, EpBuffer rows, EpBuffer output, int count, Weights.ExpertWeights weights)
    {
        Layer = layer;
        Slot = slot;
        Expert = expert;
        Rows = rows;
        Output = output;
        Count = count;
        Weights = weights;
    }

    /// <summary>MoE layer.</summary>
    public int Layer { get; }

    /// <summary>Slot of this rank.</summary>
    public int Slot { get; }

    /// <summary>Logical expert in the slot.</summary>
    public int Expert { get; }

    /// <summary>Number of rows, at least 1.</summary>
    public int Count { get; }

    /// <summary>Input rows <c>[count, hidden]</c>, in the row type of the group.</summary>
    public EpBuffer Rows { get; }

    /// <summary>Output rows <c>[count, hidden]</c>, in the row type of the group; to be written whole.</summary>
    public EpBuffer Output { get; }

    /// <summary>The weights in the slot.</summary>
    public Weights.ExpertWeights Weights { get; }
}
