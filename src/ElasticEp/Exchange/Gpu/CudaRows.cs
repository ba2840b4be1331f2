using ElasticEp.Weights;

namespace ElasticEp.Exchange.Gpu;

/// <summary>The rows that arrived on one lane, in device memory, slot after slot. Reused.</summary>
/// <param name="layout">Sizes.</param>
/// <param name="slots">The weights in slots.</param>
/// <param name="lane">Whose memory it is.</param>
internal sealed class CudaRows(ExchangeLayout layout, IExpertSlots slots, CudaLane lane) : DispatchedRows
{
    private int[] _starts = [];
    private int[] _groups = [];
    private int[] _experts = [];
    private int _layer;
    private int _slots;
    private int _groupCount;
    private int _count;

    public override int Layer => _layer;

    public override int Count => _count;

    public override EpBuffer Rows => lane.RowsOf(_count);

    public override int Groups => _groupCount;

    /// <summary>The expert of a group and how many rows it has.</summary>
    public (int Expert, int Count) CountOf(int group) => (_experts[_groups[group]], _starts[_groups[group] + 1] - _starts[_groups[group]]);

    /// <summary>Takes over where slots begin.</summary>
    public void Fill(int layer, ReadOnlySpan<int> experts, ReadOnlySpan<int> starts)
    {
        _layer = layer;
        _slots = experts.Length;
        if (_starts.Length <= _slots)
        {
            _starts = new int[_slots + 1];
            _groups = new int[_slots];
            _experts = new int[_slots];
        }

        experts.CopyTo(_experts);
        starts[..(_slots + 1)].CopyTo(_starts);
        _count = _starts[_slots];
        _groupCount = 0;
        for (var slot = 0; slot < _slots; slot++)
        {
            if (_starts[slot + 1] > _starts[slot])
                _groups[_groupCount++] = slot;
        }
    }

    public override ExpertBatch GetGroup(int group, EpBuffer expertOutput)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(group);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(group, _groupCount);
        var slot = _groups[group];
        var count = _starts[slot + 1] - _starts[slot];
        var (first, length) = ((long)_starts[slot] * layout.RowBytes, (long)count * layout.RowBytes);
        return new ExpertBatch(_layer, slot, _experts[slot], Rows.SliceBytes(first, length), expertOutput.SliceBytes(first, length), count, slots.Get(_layer, slot));
    }

    public override GroupedExpertBatch GetGrouped(EpBuffer expertOutput)
    {
        var parts = 0;
        for (var slot = 0; slot < _slots; slot++)
            parts = Math.Max(parts, slots.Get(_layer, slot).Count);
        return new GroupedExpertBatch(_layer, _count, _slots, parts, slots)
        {
            Rows = Rows,
            Output = expertOutput,
            Offsets = lane.OffsetsOf(_slots),
            Experts = lane.ExpertsOf(_layer, _slots),
            Stream = lane.Stream.Handle,
        };
    }

    internal override EpBuffer ReserveOutput() => lane.OutputsOf(_count);

    public override void Dispose()
    {
        // The memory belongs to the lane; the next dispatch uses it again.
    }
}
