using ElasticEp.Weights;

namespace ElasticEp;

/// <summary>
/// The rows that all slots of this rank are to compute in one layer. All buffers lie where the engine works: in host memory on processors. They
/// are valid until the function returns, or, when there is a <see cref="Stream"/>, for what was put on it by then.
/// </summary>
public readonly struct GroupedExpertBatch
{
    private readonly IExpertSlots _weights;

    internal GroupedExpertBatch(int layer, int count, int slots, int parts, IExpertSlots weights)
    {
        Layer = layer;
        Count = count;
        Slots = slots;
        Parts = parts;
        _weights = weights;
    }

    /// <summary>MoE layer.</summary>
    public int Layer { get; }

    /// <summary>Number of rows; may be zero.</summary>
    public int Count { get; }

    /// <summary>Slots of this rank in this layer.</summary>
    public int Slots { get; }

    /// <summary>Parts of an expert's weights, as the workload described them.</summary>
    public int Parts { get; }

    /// <summary>Input rows <c>[count, hidden]</c>, slot after slot, in the row type of the group.</summary>
    public EpBuffer Rows { get; internal init; }

    /// <summary>Output rows <c>[count, hidden]</c>, likewise; to be written whole.</summary>
    public EpBuffer Output { get; internal init; }

    /// <summary>Where the rows of each slot begin, <c>[slots + 1]</c>, <see cref="ElementType.Int32"/>; the last is <see cref="Count"/>.</summary>
    public EpBuffer Offsets { get; internal init; }

    /// <summary>Logical expert of each slot, <c>[slots]</c>, <see cref="ElementType.Int32"/>; −1 for an empty slot.</summary>
    public EpBuffer Experts { get; internal init; }

    /// <summary>
    /// Address of each part of each slot's weights, <c>[slots, parts]</c>, 64-bit words; zero where there are none: rows of such a slot need not
    /// be written. Empty where the engine works on a GPU, which does not reach the weights: see <see cref="GetWeights"/>.
    /// </summary>
    public EpBuffer WeightAddresses { get; internal init; }

    /// <summary>The CUDA stream on which the rows are ready and the outputs are waited for; zero on processors.</summary>
    public nint Stream { get; internal init; }

    /// <summary>The weights in a slot; none of them when the slot is empty or its expert is still loaded.</summary>
    /// <param name="slot">0 ≤ slot &lt; <see cref="Slots"/>.</param>
    public ExpertWeights GetWeights(int slot)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(slot);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(slot, Slots);
        return _weights.Get(Layer, slot);
    }
}
