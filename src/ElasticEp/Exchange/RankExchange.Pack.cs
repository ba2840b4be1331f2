namespace ElasticEp.Exchange;

/// <summary>Puts rows together for each member: description and rows of a dispatch, rows of a combine.</summary>
internal sealed partial class RankExchange
{
    /// <summary>Rows that this rank returns to a member: one for each (row, position), or one for each row when pre-reducing.</summary>
    private int ReturnCount(ExchangeLane lane, int member) =>
        _layout.IsPreReduced ? new LaneSources(lane, lane.Rows.Layer, _self, default).Meta(member).Length / _layout.MetaInts : lane.Rows.PositionsOf(member).Length;

    /// <summary>Member after member, beginning after oneself: no rank is the first one of all others.</summary>
    private int Next(int index) => (_self + 1 + index) % _ranks.Length;

    private void ReserveDispatch(ExchangeLane lane)
    {
        long rows = 0;
        for (var member = 0; member < _ranks.Length; member++)
            rows += member == _self ? 0 : lane.Routes.Destinations[member].Rows;
        lane.Staging.Reserve(rows * _layout.RowBytes);
        lane.Scratch.Reserve(lane.Routes.Tokens);
    }

    /// <summary>Packs the rows for one member.</summary>
    /// <returns>Where those for the next one begin.</returns>
    private long PackDispatch(ExchangeLane lane, int member, EpBuffer hidden, long at)
    {
        var (destination, send) = (lane.Routes.Destinations[member], lane.Sends[member]);
        send.Metadata = destination.Metadata;
        send.Rows = lane.Staging.Slice(at, (long)destination.Rows * _layout.RowBytes, _layout.RowType);
        if (destination.Rows > 0)
            _kernels.CopyRows(hidden, destination.Tokens, send.Rows, lane.Scratch.Identity.AsSpan(0, destination.Rows), _layout.RowBytes);
        return at + send.Rows.ByteLength;
    }

    private void ReserveCombine(ExchangeLane lane)
    {
        long rows = 0;
        for (var member = 0; member < _ranks.Length; member++)
            rows += member == _self ? 0 : ReturnCount(lane, member);
        lane.Staging.Reserve(rows * _layout.RowBytes);
    }

    /// <inheritdoc cref="PackDispatch"/>
    private long PackCombine(ExchangeLane lane, int member, EpBuffer expertOutput, long at)
    {
        var target = lane.Sends[member].Rows = lane.Staging.Slice(at, (long)ReturnCount(lane, member) * _layout.RowBytes, _layout.RowType);
        PackReturn(lane, member, expertOutput, target);
        return at + target.ByteLength;
    }

    /// <summary>What this rank's experts return to this rank itself.</summary>
    private void PlaceOwn(ExchangeLane lane, EpBuffer expertOutput)
    {
        var bytes = (long)ReturnCount(lane, _self) * _layout.RowBytes;
        PackReturn(lane, _self, expertOutput, lane.Returned.Slice((long)lane.Routes.FirstReturn[_self] * _layout.RowBytes, bytes, _layout.RowType));
    }

    private void PackReturn(ExchangeLane lane, int member, EpBuffer expertOutput, EpBuffer target)
    {
        if (target.IsEmpty)
            return;
        if (_layout.IsPreReduced)
            ReduceFor(lane, member, expertOutput, target);
        else
            CopyFor(lane, member, expertOutput, target);
    }

    private void CopyFor(ExchangeLane lane, int member, EpBuffer expertOutput, EpBuffer target)
    {
        var positions = lane.Rows.PositionsOf(member);
        lane.Scratch.Reserve(positions.Length);
        _kernels.CopyRows(expertOutput, positions, target, lane.Scratch.Identity.AsSpan(0, positions.Length), _layout.RowBytes);
    }

    private void ReduceFor(ExchangeLane lane, int member, EpBuffer expertOutput, EpBuffer target)
    {
        var meta = new LaneSources(lane, lane.Rows.Layer, _self, default).Meta(member);
        var positions = lane.Rows.PositionsOf(member);
        var terms = meta.Length / _layout.MetaInts * _layout.TopK;
        lane.Scratch.Reserve(terms);
        var numbers = lane.Scratch.Numbers.AsSpan(0, terms);
        var factors = lane.Scratch.Factors.AsSpan(0, terms);
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
        for (var row = 0; lane.Rows.AnyMissing && row * _layout.TopK < terms; row++)
        {
            if (MissesAny(expertOutput, numbers.Slice(row * _layout.TopK, _layout.TopK)))
                MissingRow.Mark(RowBytes(target, row)); // a sum without it is worth nothing
        }
    }

    /// <summary>Tokens whose experts are not here get zeros, and the step remembers them.</summary>
    private void NoteMissing(ExchangeLane lane, ExchangeStep step, EpBuffer returned)
    {
        for (var token = 0; token < lane.Routes.Tokens; token++)
        {
            if (!MissesAny(returned, lane.Routes.RowOf.Slice(token * _layout.TopK, _layout.TopK)))
                continue;
            step.Miss(token, lane.Number);
            RowBytes(lane.Output, token).Clear();
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
