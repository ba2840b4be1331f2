namespace ElasticEp.Exchange.Cpu;

/// <summary>Puts rows together for each member: those of a dispatch, and those that experts return.</summary>
internal sealed partial class CpuLane
{
    public void Dispatch(IRowSender sender)
    {
        long rows = 0;
        for (var member = 0; member < _received.Length; member++)
            rows += member == _self ? 0 : _routes.Destinations[member].Rows;
        _staging.Reserve(rows * _layout.RowBytes);
        _scratch.Reserve(_routes.Tokens);
        long at = 0;
        for (var i = 0; i < _received.Length - 1; i++)
        {
            var member = Next(i);
            var destination = _routes.Destinations[member];
            var packed = _staging.Slice(at, (long)destination.Rows * _layout.RowBytes, _layout.RowType);
            if (destination.Rows > 0)
                _kernels.CopyRows(_hidden, destination.Tokens, packed, _scratch.Identity.AsSpan(0, destination.Rows), _layout.RowBytes);
            at += packed.ByteLength;
            sender.Send(member, destination.Rows, destination.Metadata, packed);
        }
    }

    public void Return(EpBuffer expertOutput, IRowSender sender)
    {
        if (_rows.AnyMissing)
            _rows.MarkMissing(expertOutput);
        long rows = 0;
        for (var member = 0; member < _received.Length; member++)
            rows += member == _self ? 0 : ReturnCount(member);
        _staging.Reserve(rows * _layout.RowBytes);
        long at = 0;
        for (var i = 0; i < _received.Length - 1; i++)
        {
            var member = Next(i);
            var count = ReturnCount(member);
            if (count == 0)
                continue;
            var packed = _staging.Slice(at, (long)count * _layout.RowBytes, _layout.RowType);
            Pack(member, expertOutput, packed);
            at += packed.ByteLength;
            sender.Send(member, count, default, packed);
        }

        Pack(_self, expertOutput, PlaceReturn(_self, ReturnCount(_self)).Rows);
    }

    /// <summary>Member after member, beginning after oneself: no rank is the first one of all others.</summary>
    private int Next(int index) => (_self + 1 + index) % _received.Length;

    /// <summary>Rows that this rank returns to a member: one for each (row, position), or one for each row when pre-reducing.</summary>
    private int ReturnCount(int member) => _layout.IsPreReduced ? MetaOf(member).Length / _layout.MetaInts : _rows.PositionsOf(member).Length;

    private void Pack(int member, EpBuffer expertOutput, EpBuffer target)
    {
        if (target.IsEmpty)
            return;
        if (_layout.IsPreReduced)
            Reduce(member, expertOutput, target);
        else
            Copy(member, expertOutput, target);
    }

    private void Copy(int member, EpBuffer expertOutput, EpBuffer target)
    {
        var positions = _rows.PositionsOf(member);
        _scratch.Reserve(positions.Length);
        _kernels.CopyRows(expertOutput, positions, target, _scratch.Identity.AsSpan(0, positions.Length), _layout.RowBytes);
    }

    private void Reduce(int member, EpBuffer expertOutput, EpBuffer target)
    {
        var meta = MetaOf(member);
        var positions = _rows.PositionsOf(member);
        var terms = meta.Length / _layout.MetaInts * _layout.TopK;
        _scratch.Reserve(terms);
        var numbers = _scratch.Numbers.AsSpan(0, terms);
        var factors = _scratch.Factors.AsSpan(0, terms);
        var (next, term) = (0, 0);
        for (var row = 0; row < meta.Length; row += _layout.MetaInts)
        {
            for (var j = 0; j < _layout.TopK; j++, term++)
            {
                numbers[term] = meta[row + 1 + j] >= 0 ? positions[next++] : -1;
                factors[term] = BitConverter.Int32BitsToSingle(meta[row + 1 + _layout.TopK + j]);
            }
        }

        _kernels.WeightedSum(expertOutput, numbers, factors, target, _layout.TopK, _layout.Hidden);
        for (var row = 0; _rows.AnyMissing && row * _layout.TopK < terms; row++)
        {
            if (MissesAny(expertOutput, numbers.Slice(row * _layout.TopK, _layout.TopK)))
                MissingRow.Mark(RowBytes(target, row)); // a sum without it is worth nothing
        }
    }

    /// <summary>Tokens whose experts are not here get zeros, and the step remembers them.</summary>
    private void NoteMissing(EpBuffer returned, EpBuffer output, IMissedTokens missed)
    {
        for (var token = 0; token < _routes.Tokens; token++)
        {
            if (!MissesAny(returned, _routes.RowOf.Slice(token * _layout.TopK, _layout.TopK)))
                continue;
            missed.Miss(token, _number);
            RowBytes(output, token).Clear();
        }
    }

    private bool MissesAny(EpBuffer rows, ReadOnlySpan<int> numbers)
    {
        foreach (var number in numbers)
        {
            if (number >= 0 && MissingRow.IsMarked(RowBytes(rows, number)))
                return true;
        }

        return false;
    }

    private Span<byte> RowBytes(EpBuffer rows, int row) => rows.SliceBytes((long)row * _layout.RowBytes, _layout.RowBytes).AsSpan<byte>();
}
