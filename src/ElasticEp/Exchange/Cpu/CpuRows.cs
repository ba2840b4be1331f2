using ElasticEp.Kernels;
using ElasticEp.Weights;

namespace ElasticEp.Exchange.Cpu;

/// <summary>
/// The rows that arrived on one lane, copied into one buffer slot after slot; within a slot by source rank, then in the order
/// of the source. Reused; grows to the most rows that were ever routed here, at most members × MaxTokens × k.
/// </summary>
internal sealed class CpuRows(ExchangeLayout layout, IExchangeKernels kernels, IExpertSlots slots) : DispatchedRows
{
    private readonly NativeBuffer _memory = new();
    private readonly NativeBuffer _output = new();
    private int[] _from = [];
    private int[] _positions = [];
    private int[] _sourceStart = [];
    private int[] _slotStart = [];
    private int[] _next = [];
    private int[] _groups = [];
    private int[] _missing = []; // slots with rows whose experts are not here
    private int[] _experts = [];
    private readonly NativeBuffer _tables = new(); // for grouped calls: addresses, offsets, experts
    private int _layer;
    private int _slotCount;
    private int _count;
    private int _groupCount;
    private int _missingCount;

    public override int Layer => _layer;

    public override int Count => _count;

    public override EpBuffer Rows => _memory.Slice(0, (long)_count * layout.RowBytes, layout.RowType);

    public override int Groups => _groupCount;

    /// <summary>Where the (row, position) entries of a source lie among the rows, in the order in which the source will get them back.</summary>
    public ReadOnlySpan<int> PositionsOf(int source) => _positions.AsSpan(_sourceStart[source].._sourceStart[source + 1]);

    /// <summary>The expert of a group and how many rows it has.</summary>
    public (int Expert, int Count) CountOf(int group) => (_experts[_groups[group]], _slotStart[_groups[group] + 1] - _slotStart[_groups[group]]);

    public override ExpertBatch GetGroup(int group, EpBuffer expertOutput)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(group);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(group, _groupCount);
        var slot = _groups[group];
        var (first, length) = ((long)_slotStart[slot] * layout.RowBytes, (long)(_slotStart[slot + 1] - _slotStart[slot]) * layout.RowBytes);
        return new ExpertBatch(
            _layer,
            slot,
            _experts[slot],
            Rows.SliceBytes(first, length),
            expertOutput.SliceBytes(first, length),
            _slotStart[slot + 1] - _slotStart[slot],
            slots.Get(_layer, slot));
    }

    public override GroupedExpertBatch GetGrouped(EpBuffer expertOutput)
    {
        var parts = 0;
        for (var slot = 0; slot < _slotCount; slot++)
            parts = Math.Max(parts, slots.Get(_layer, slot).Count);
        var (addresses, offsets) = (sizeof(long) * (long)_slotCount * parts, sizeof(int) * (_slotCount + 1L));
        _tables.Reserve(addresses + (2 * offsets));
        var batch = new GroupedExpertBatch(_layer, _count, _slotCount, parts, slots)
        {
            Rows = Rows,
            Output = expertOutput,
            WeightAddresses = _tables.Slice(0, addresses, ElementType.Byte),
            Offsets = _tables.Slice(addresses, offsets, ElementType.Int32),
            Experts = _tables.Slice(addresses + offsets, offsets - sizeof(int), ElementType.Int32),
        };
        _slotStart.AsSpan(0, _slotCount + 1).CopyTo(batch.Offsets.AsSpan<int>());
        _experts.AsSpan(0, _slotCount).CopyTo(batch.Experts.AsSpan<int>());
        for (var slot = 0; slot < _slotCount; slot++)
            WriteAddresses(slot, batch.WeightAddresses.AsSpan<long>().Slice(slot * parts, parts));
        return batch;
    }

    /// <summary>Zeros for a slot whose rows count as missing, also when its expert has come since.</summary>
    private void WriteAddresses(int slot, Span<long> addresses)
    {
        addresses.Clear();
        var weights = slots.Get(_layer, slot);
        if (_missing.AsSpan(0, _missingCount).Contains(slot))
            return;
        for (var part = 0; part < Math.Min(weights.Count, addresses.Length); part++) // an expert may have come since the parts were counted
            addresses[part] = weights[part].Pointer;
    }

    /// <summary>Whether rows have come for experts that are not here: no group has them, and nobody computes them.</summary>
    public bool AnyMissing => _missingCount > 0;

    /// <summary>Marks the outputs of those rows.</summary>
    public void MarkMissing(EpBuffer expertOutput)
    {
        foreach (var slot in _missing.AsSpan(0, _missingCount))
        {
            for (var row = _slotStart[slot]; row < _slotStart[slot + 1]; row++)
                MissingRow.Mark(expertOutput.SliceBytes((long)row * layout.RowBytes, layout.RowBytes).AsSpan<byte>());
        }
    }

    internal override EpBuffer ReserveOutput()
    {
        _output.Reserve((long)_count * layout.RowBytes);
        return _output.Slice(0, (long)_count * layout.RowBytes, layout.RowType);
    }

    public void EnterView(int members) => _sourceStart = new int[members + 1];

    /// <summary>Counts, lays out, and copies. <paramref name="sources"/> gives what each source sent.</summary>
    public void Build(int layer, ReadOnlySpan<int> experts, int members, LaneSources sources)
    {
        (_layer, _slotCount) = (layer, experts.Length);
        if (_slotStart.Length < experts.Length + 1)
            (_slotStart, _next, _groups, _missing, _experts) = (new int[experts.Length + 1], new int[experts.Length], new int[experts.Length], new int[experts.Length], new int[experts.Length]);
        experts.CopyTo(_experts);
        CountRows(experts.Length, members, sources);
        _memory.Reserve((long)_count * layout.RowBytes);
        if (_positions.Length < _count)
            (_positions, _from) = (new int[RoomFor(_count)], new int[RoomFor(_count)]);
        Copy(experts.Length, members, sources);
    }

    public override void Dispose()
    {
        // The memory belongs to the lane; the next dispatch uses it again.
    }

    public void Free()
    {
        _memory.Dispose();
        _output.Dispose();
        _tables.Dispose();
    }

    /// <summary>Some more, so that not every step with a few more rows allocates.</summary>
    private static int RoomFor(int count) => (int)Math.Min(count + (count / 2L), Array.MaxLength);

    private void CountRows(int slotCount, int members, LaneSources sources)
    {
        var start = _slotStart.AsSpan(0, slotCount + 1);
        start.Clear();
        for (var source = 0; source < members; source++)
        {
            var meta = sources.Meta(source);
            for (var row = 0; row < meta.Length; row += layout.MetaInts)
            {
                foreach (var slot in meta.Slice(row + 1, layout.TopK))
                {
                    if (slot >= 0)
                        start[slot + 1]++;
                }
            }
        }

        (_groupCount, _missingCount) = (0, 0);
        for (var slot = 0; slot < slotCount; slot++)
        {
            if (start[slot + 1] > 0 && layout.MayMissExperts && slots.Get(_layer, slot).IsMissing)
                _missing[_missingCount++] = slot;
            else if (start[slot + 1] > 0)
                _groups[_groupCount++] = slot;
            start[slot + 1] += start[slot];
        }

        _count = start[slotCount];
    }

    private void Copy(int slotCount, int members, LaneSources sources)
    {
        var next = _next.AsSpan(0, slotCount);
        _slotStart.AsSpan(0, slotCount).CopyTo(next);
        var at = 0;
        for (var source = 0; source < members; source++)
        {
            _sourceStart[source] = at;
            var meta = sources.Meta(source);
            for (var row = 0; row * layout.MetaInts < meta.Length; row++)
            {
                var description = meta.Slice(row * layout.MetaInts, layout.MetaInts);
                foreach (var slot in description.Slice(1, layout.TopK))
                {
                    if (slot < 0)
                        continue;
                    _from[at] = sources.RowNumber(source, row, description[0]);
                    _positions[at++] = next[slot]++;
                }
            }

            var first = _sourceStart[source];
            if (at > first)
                kernels.CopyRows(sources.Rows(source), _from.AsSpan(first, at - first), _memory.Slice(0, (long)_count * layout.RowBytes, layout.RowType), _positions.AsSpan(first, at - first), layout.RowBytes);
        }

        _sourceStart[members] = at;
    }
}
