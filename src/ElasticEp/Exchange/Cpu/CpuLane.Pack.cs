namespace ElasticEp.Exchange.Cpu;

/// <summary>Puts rows together for each member: those of a dispatch, and those that experts return.</summary>
internal sealed partial class CpuLane
{
    /// <summary>Rows of at least so many bytes are sent from where they lie: copying them together takes longer than naming each.</summary>
    private const int LeastSegment = 2048;

    private bool AreRowsSegments => _layout.RowBytes >= LeastSegment;

    public void Dispatch(IRowSender sender)
    {
        var rows = 0;
        for (var member = 0; member < _received.Length && !AreRowsSegments; member++)
            rows += member == _self ? 0 : _routes.Destinations[member].Rows;
        _staging.Reserve((long)rows * _layout.RowBytes);
        var at = 0;
        for (var i = 0; i < _received.Length - 1; i++)
        {
            var member = Next(i);
            var destination = _routes.Destinations[member];
            sender.Send(member, destination.Rows, destination.Metadata, Gather(member, _hidden, destination.Tokens, at));
            at += destination.Rows;
        }
    }

    public void Return(EpBuffer expertOutput, EpBuffer output, IRowSender sender)
    {
        if (_rows.AnyMissing)
            _rows.MarkMissing(expertOutput);
        var rows = 0;
        for (var member = 0; member < _received.Length && (_layout.IsPreReduced || !AreRowsSegments); member++)
            rows += member == _self ? 0 : ReturnCount(member);
        _staging.Reserve((long)rows * _layout.RowBytes);
        var at = 0;
        for (var i = 0; i < _received.Length - 1; i++)
        {
            var member = Next(i);
            var count = ReturnCount(member);
            if (count == 0)
                continue;
            sender.Send(member, count, default, _layout.IsPreReduced ? Reduce(member, expertOutput, count, at) : Gather(member, expertOutput, _rows.PositionsOf(member), at));
            at += count;
        }

        KeepOwn(expertOutput);
    }

    /// <summary>Member after member, beginning after oneself: no rank is the first one of all others.</summary>
    private int Next(int index) => (_self + 1 + index) % _received.Length;

    /// <summary>Rows that this rank returns to a member: one for each (row, position), or one for each row when pre-reducing.</summary>
    private int ReturnCount(int member) => _layout.IsPreReduced ? MetaOf(member).Length / _layout.MetaInts : _rows.PositionsOf(member).Length;

    private EpBuffer Staged(int first, int count) => _staging.Slice((long)first * _layout.RowBytes, (long)count * _layout.RowBytes, _layout.RowType);

    /// <summary>Rows for a member: where they lie, or copied to the staging memory from row <paramref name="at"/> on.</summary>
    private ReadOnlyMemory<EpBuffer> Gather(int member, EpBuffer rows, ReadOnlySpan<int> numbers, int at)
    {
        if (AreRowsSegments)
            return _segments[member].Of(rows, numbers, _layout.RowBytes);
        var packed = Staged(at, numbers.Length);
        Copy(rows, numbers, packed);
        return _segments[member].Of(packed);
    }

    private ReadOnlyMemory<EpBuffer> Reduce(int member, EpBuffer expertOutput, int count, int at)
    {
        var packed = Staged(at, count);
        Reduce(member, expertOutput, packed);
        return _segments[member].Of(packed);
    }

    /// <summary>What this rank's experts return to this rank itself.</summary>
    private void KeepOwn(EpBuffer expertOutput)
    {
        var target = PlaceReturn(_self, ReturnCount(_self)).Rows;
        if (target.IsEmpty)
            return;
        if (_layout.IsPreReduced)
            Reduce(_self, expertOutput, target);
        else
            Copy(expertOutput, _rows.PositionsOf(_self), target);
    }

    private void Copy(EpBuffer rows, ReadOnlySpan<int> numbers, EpBuffer target)
    {
        if (numbers.IsEmpty)
            return;
        _scratch.Reserve(numbers.Length);
        _kernels.CopyRows(rows, numbers, target, _scratch.Identity.AsSpan(0, numbers.Length), _layout.RowBytes);
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
