using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using ElasticEp.Transport;

namespace ElasticEp.Exchange;

/// <summary>The app's two calls: dispatch and combine.</summary>
internal sealed partial class RankExchange
{
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<DispatchedRows> DispatchAsync(int layer, EpBuffer hidden, EpBuffer topkIds, EpBuffer topkWeights, int laneNumber)
    {
        var tokens = CheckInput(layer, hidden, topkIds, topkWeights, laneNumber);
        var lane = _lanes[laneNumber];
        lock (_lock)
        {
            CheckOpen();
            if (lane.Dispatched != layer || lane.Combined != layer)
                throw ExchangeErrors.State($"Layer {layer} was dispatched on lane {laneNumber} after {lane.Dispatched} dispatches and {lane.Combined} combines; run layers in order, each once.");
        }

        lane.Routes.Fill(layer, _rank, tokens, topkIds.AsSpan<int>(), topkWeights.AsSpan<float>(), _view, _memberOfRank);
        lock (_lock)
        {
            Enter();
            lane.Dispatched++;
            lane.BeginLayer();
        }

        try
        {
            PackDispatch(lane, hidden);
            for (var member = 0; member < _ranks.Length; member++)
                lane.Sends[member] = member == _self ? default : Send(member, FrameOperation.Dispatch, layer, lane, lane.Routes.Destinations[member].Rows);
            await FinishSendsAsync(lane).ConfigureAwait(false);
            await WaitAsync(lane, false).ConfigureAwait(false);
            lane.Rows.Build(layer, _view.Placement.GetSlots(layer, _rank), _ranks.Length, new LaneSources(lane, layer, _self, hidden));
            return lane.Rows;
        }
        finally
        {
            Leave();
        }
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    public async ValueTask CombineAsync(DispatchedRows dispatched, EpBuffer expertOutput, EpBuffer output)
    {
        var rows = dispatched as LaneRows ?? throw ExchangeErrors.Argument("Combine takes the rows that a dispatch of this step returned.");
        var lane = _lanes[rows.Lane];
        if (!ReferenceEquals(rows, lane.Rows) || !rows.IsOut)
            throw ExchangeErrors.State("These rows were combined already, or belong to another step.");
        CheckRows("expertOutput", expertOutput, rows.Count);
        CheckRows("output", output, lane.Routes.Tokens);
        lock (_lock)
        {
            Enter();
            rows.IsOut = false;
        }

        try
        {
            PackCombine(lane, expertOutput);
            for (var member = 0; member < _ranks.Length; member++)
                lane.Sends[member] = ReturnCount(lane, member) == 0 || member == _self ? default : Send(member, FrameOperation.Combine, rows.Layer, lane, ReturnCount(lane, member));
            await FinishSendsAsync(lane).ConfigureAwait(false);
            await WaitAsync(lane, true).ConfigureAwait(false);
            Sum(lane, output);
            lock (_lock)
                lane.Combined++;
        }
        finally
        {
            Leave();
        }
    }

    /// <summary>Rows that this rank returns to a member: one for each (row, position), or one for each row when pre-reducing.</summary>
    private int ReturnCount(ExchangeLane lane, int member) =>
        _layout.IsPreReduced ? new LaneSources(lane, lane.Rows.Layer, _self, default).Meta(member).Length / _layout.MetaInts : lane.Rows.PositionsOf(member).Length;

    private void PackDispatch(ExchangeLane lane, EpBuffer hidden)
    {
        long bytes = 0;
        for (var member = 0; member < _ranks.Length; member++)
            bytes += member == _self ? 0 : _layout.DispatchBytes(lane.Routes.Destinations[member].Rows);
        lane.Staging.Reserve(bytes);
        lane.ReserveNumbers(_layout.MaxTokens);
        long at = 0;
        for (var member = 0; member < _ranks.Length; member++)
        {
            if (member == _self)
                continue;
            var destination = lane.Routes.Destinations[member];
            var rows = destination.Rows;
            var payload = lane.Staging.Slice(at, _layout.DispatchBytes(rows), ElementType.Byte);
            at += payload.ByteLength;
            SetPayload(lane, member, payload);
            if (rows == 0)
                continue;
            destination.Meta.CopyTo(payload.AsSpan<int>(0, rows * _layout.MetaInts));
            _kernels.CopyRows(hidden, destination.Tokens.AsSpan(0, rows), payload.SliceBytes(_layout.RowsOffset(rows), (long)rows * _layout.RowBytes).Cast(_layout.RowType), lane.Identity.AsSpan(0, rows), _layout.RowBytes);
        }
    }

    private void PackCombine(ExchangeLane lane, EpBuffer expertOutput)
    {
        long rows = 0;
        for (var member = 0; member < _ranks.Length; member++)
            rows += ReturnCount(lane, member);
        lane.Staging.Reserve(rows * _layout.RowBytes);
        long at = 0;
        for (var member = 0; member < _ranks.Length; member++)
        {
            var length = (long)ReturnCount(lane, member) * _layout.RowBytes;
            if (length == 0)
                continue;
            var target = member == _self
                ? lane.Returned.Slice((long)lane.Routes.Destinations[member].FirstReturn * _layout.RowBytes, length, _layout.RowType)
                : lane.Staging.Slice(at, length, _layout.RowType);
            if (_layout.IsPreReduced)
                ReduceFor(lane, member, expertOutput, target);
            else
                CopyFor(lane, member, expertOutput, target);
            if (member == _self)
                continue;
            at += length;
            SetPayload(lane, member, target);
        }
    }

    private void CopyFor(ExchangeLane lane, int member, EpBuffer expertOutput, EpBuffer target)
    {
        var positions = lane.Rows.PositionsOf(member);
        lane.ReserveNumbers(positions.Length);
        _kernels.CopyRows(expertOutput, positions, target, lane.Identity.AsSpan(0, positions.Length), _layout.RowBytes);
    }

    private void ReduceFor(ExchangeLane lane, int member, EpBuffer expertOutput, EpBuffer target)
    {
        var meta = new LaneSources(lane, lane.Rows.Layer, _self, default).Meta(member);
        var positions = lane.Rows.PositionsOf(member);
        var rows = meta.Length / _layout.MetaInts;
        lane.ReserveNumbers(rows * _layout.TopK);
        var next = 0;
        for (var row = 0; row < rows; row++)
        {
            for (var j = 0; j < _layout.TopK; j++)
            {
                var isHere = meta[(row * _layout.MetaInts) + 1 + j] >= 0;
                lane.Numbers[(row * _layout.TopK) + j] = isHere ? positions[next++] : -1;
                lane.Factors[(row * _layout.TopK) + j] = BitConverter.Int32BitsToSingle(meta[(row * _layout.MetaInts) + 1 + _layout.TopK + j]);
            }
        }

        _kernels.WeightedSum(expertOutput, lane.Numbers.AsSpan(0, rows * _layout.TopK), lane.Factors.AsSpan(0, rows * _layout.TopK), target, _layout.TopK, _layout.Hidden);
    }

    private void Sum(ExchangeLane lane, EpBuffer output)
    {
        var terms = lane.Routes.Tokens * _layout.TopK;
        if (terms == 0)
            return;
        var region = lane.Returned.Slice(0, (long)_layout.MaxTokens * _layout.TopK * _layout.RowBytes, _layout.RowType);
        _kernels.WeightedSum(region, lane.Routes.RowOf.AsSpan(0, terms), lane.Routes.WeightOf.AsSpan(0, terms), output, _layout.TopK, _layout.Hidden);
    }

    private static void SetPayload(ExchangeLane lane, int member, EpBuffer payload) => MemoryMarshal.AsMemory(lane.Segments[member]).Span[0] = payload;

    private ValueTask Send(int member, FrameOperation operation, int layer, ExchangeLane lane, int count)
    {
        var payload = lane.Segments[member].Span[0];
        var header = new FrameHeader
        {
            Operation = operation,
            Epoch = _view.Epoch,
            Step = _number,
            Layer = layer,
            Lane = lane.Number,
            Count = count,
            PayloadLength = count == 0 ? 0 : payload.ByteLength,
        };
        try
        {
            return _wire.SendAsync(_ranks[member], header, count == 0 ? default : lane.Segments[member][..1], CancellationToken.None);
        }
        catch (ElasticEpException exception)
        {
            return ValueTask.FromException(exception);
        }
    }

    /// <summary>Waits for every send, also after one has failed: their memory is in use until then.</summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private async ValueTask FinishSendsAsync(ExchangeLane lane)
    {
        ElasticEpException? failure = null;
        for (var member = 0; member < _ranks.Length; member++)
        {
            try
            {
                await lane.Sends[member].ConfigureAwait(false);
            }
            catch (ElasticEpException exception)
            {
                failure ??= exception;
            }
        }

        if (failure is null)
            return;
        _step.HasFailed = true;
        throw failure;
    }

    private ValueTask WaitAsync(ExchangeLane lane, bool forCombine)
    {
        lock (_lock)
        {
            CheckOpen();
            lane.WaitsForCombine = forCombine;
            if (HasAll(lane))
                return default;
            lane.Timer!.Change(_deadline, Timeout.InfiniteTimeSpan);
            return lane.Wait.Begin();
        }
    }

    private int CheckInput(int layer, EpBuffer hidden, EpBuffer topkIds, EpBuffer topkWeights, int lane)
    {
        if (layer < 0 || layer >= _layout.MoeLayers)
            throw ExchangeErrors.Argument($"Layer {layer} is outside 0 to {_layout.MoeLayers - 1}.");
        if (lane < 0 || lane >= _lanes.Length)
            throw ExchangeErrors.Argument($"Lane {lane} is outside 0 to {_lanes.Length - 1}; see ElasticEpOptions.Lanes.");
        if (hidden.ByteLength % _layout.RowBytes != 0)
            throw ExchangeErrors.Argument($"hidden has {hidden.ByteLength} bytes, not a whole number of rows of {_layout.RowBytes}.");
        var tokens = hidden.ByteLength / _layout.RowBytes;
        if (tokens > _layout.MaxTokens)
            throw ExchangeErrors.Argument($"{tokens} tokens are more than MaxTokensPerRank = {_layout.MaxTokens}; split the batch over steps.");
        CheckRows("hidden", hidden, (int)tokens);
        CheckList("topkIds", topkIds, ElementType.Int32, tokens);
        CheckList("topkWeights", topkWeights, ElementType.Float32, tokens);
        return (int)tokens;
    }

    private void CheckList(string name, EpBuffer buffer, ElementType type, long tokens)
    {
        if (buffer.Length != tokens * _layout.TopK || (tokens > 0 && buffer.ElementType != type))
            throw ExchangeErrors.Argument($"{name} has {buffer.Length} elements of {buffer.ElementType}; expected {tokens} × {_layout.TopK} of {type}.");
    }

    private void CheckRows(string name, EpBuffer buffer, int rows)
    {
        if (buffer.ByteLength != (long)rows * _layout.RowBytes || (rows > 0 && (buffer.ElementType != _layout.RowType || buffer.Kind == MemoryKind.Device)))
            throw ExchangeErrors.Argument($"{name} has {buffer.ByteLength} bytes of {buffer.ElementType} in {buffer.Kind} memory; expected {rows} rows of {_layout.Hidden} × {_layout.RowType} in host memory.");
    }
}
