using ElasticEp.Transport;

namespace ElasticEp.Exchange;

/// <summary>The app's calls: dispatch, combine, and both with the experts between.</summary>
internal sealed partial class RankExchange
{
    public ValueTask<DispatchedRows> DispatchAsync(ExchangeStep step, int layer, EpBuffer hidden, EpBuffer topkIds, EpBuffer topkWeights, int laneNumber, CancellationToken cancellationToken)
    {
        try
        {
            var tokens = CheckDispatch(step, layer, hidden, topkIds, topkWeights, laneNumber);
            var lane = _lanes[laneNumber];
            BeginCall(lane);
            BeginDispatch(step, lane, layer, tokens, hidden, topkIds, topkWeights);
            return MustWait(lane, step, cancellationToken, out var call, out var version)
                ? new ValueTask<DispatchedRows>(call, version)
                : ValueTask.FromResult(FinishDispatch(lane, step));
        }
        catch (Exception exception) when (exception is ElasticEpException or OperationCanceledException)
        {
            return ValueTask.FromException<DispatchedRows>(exception);
        }
    }

    public ValueTask CombineAsync(ExchangeStep step, DispatchedRows dispatched, EpBuffer expertOutput, EpBuffer output, CancellationToken cancellationToken)
    {
        try
        {
            var lane = CheckCombine(step, dispatched, expertOutput, output);
            BeginCall(lane);
            BeginCombine(step, lane, expertOutput, output);
            if (MustWait(lane, step, cancellationToken, out var call, out var version))
                return new ValueTask(call, version);
            FinishCombine(lane, step);
            return default;
        }
        catch (Exception exception) when (exception is ElasticEpException or OperationCanceledException)
        {
            return ValueTask.FromException(exception);
        }
    }

    public ValueTask ForwardAsync(ExchangeStep step, int layer, EpBuffer hidden, EpBuffer topkIds, EpBuffer topkWeights, EpBuffer output, ExpertFunction expert, int laneNumber, CancellationToken cancellationToken)
    {
        LaneForward? forward;
        try
        {
            lock (_lock)
            {
                CheckOpen(step);
                forward = (uint)laneNumber < (uint)_lanes.Length ? _lanes[laneNumber].Forward : null; // that of this attempt
            }

            var rows = hidden.ByteLength / _layout.RowBytes;
            if (output.ByteLength != hidden.ByteLength || !IsRows(output))
                throw ExchangeErrors.Argument(RowsExpected("output", output, rows));
        }
        catch (Exception exception) when (exception is ElasticEpException or OperationCanceledException)
        {
            return ValueTask.FromException(exception);
        }

        var dispatch = DispatchAsync(step, layer, hidden, topkIds, topkWeights, laneNumber, cancellationToken);
        return dispatch.IsFaulted || dispatch.IsCanceled
            ? new ValueTask(dispatch.AsTask()) // refused, or over already: the lane may be another call's
            : forward!.Run(step, dispatch, output, expert, cancellationToken);
    }

    /// <summary>All rows have come: groups them by slot. Runs where the app takes the result.</summary>
    public DispatchedRows FinishDispatch(ExchangeLane lane, ExchangeStep step)
    {
        EndWait(lane);
        Enter(step, lane, LanePhase.Dispatching, LanePhase.Dispatching);
        try
        {
            var layer = lane.Position.Dispatched - 1;
            lane.Rows.Build(layer, _view.Placement.GetSlots(layer, _rank), _ranks.Length, new LaneSources(lane, layer, _self, lane.Hidden));
            lane.Load.Count(layer, lane.Ids.AsSpan<int>(), lane.Rows);
            (lane.Hidden, lane.Ids) = (default, default);
        }
        finally
        {
            Leave(lane, LanePhase.Out);
            EndCall(lane);
        }

        return lane.Rows;
    }

    /// <summary>All results have come: sums them. Runs where the app takes the result.</summary>
    public void FinishCombine(ExchangeLane lane, ExchangeStep step)
    {
        EndWait(lane);
        Enter(step, lane, LanePhase.Combining, LanePhase.Combining);
        try
        {
            var region = lane.Returned.Slice(0, _layout.ReturnedBytes, _layout.RowType);
            _kernels.WeightedSum(region, lane.Routes.RowOf, lane.Routes.WeightOf, lane.Output, _layout.TopK, _layout.Hidden);
            if (_layout.MayMissExperts)
                NoteMissing(lane, step, region);
            lane.Output = default;
            lane.Position.EndCombine();
        }
        finally
        {
            Leave(lane, LanePhase.Ready);
            EndCall(lane);
        }
    }

    private void BeginDispatch(ExchangeStep step, ExchangeLane lane, int layer, int tokens, EpBuffer hidden, EpBuffer topkIds, EpBuffer topkWeights)
    {
        Enter(step, lane, LanePhase.Ready, LanePhase.Dispatching);
        var isSent = false;
        try
        {
            if (lane.Position.Dispatched != layer)
                throw ExchangeErrors.State($"Layer {layer} was dispatched on lane {lane.Number} after {lane.Position.Dispatched} layers; run layers in order, each once.");
            lane.Routes.Fill(layer, _rank, tokens, topkIds.AsSpan<int>(), topkWeights.AsSpan<float>(), _view, _memberOfRank);
            ReserveDispatch(lane);
            lock (_lock)
            {
                (lane.Hidden, lane.Ids) = (hidden, topkIds);
                lane.Position.BeginDispatch(lane.Routes.Returns);
            }

            isSent = true;
            long at = 0;
            for (var i = 0; i < _ranks.Length - 1; i++)
            {
                var member = Next(i);
                at = PackDispatch(lane, member, hidden, at);
                Send(lane, member, FrameOperation.Dispatch, layer, lane.Routes.Destinations[member].Rows);
            }
        }
        finally
        {
            if (isSent)
                Leave();
            else
                Leave(lane, LanePhase.Ready);
        }
    }

    private void BeginCombine(ExchangeStep step, ExchangeLane lane, EpBuffer expertOutput, EpBuffer output)
    {
        Enter(step, lane, LanePhase.Out, LanePhase.Combining);
        try
        {
            lane.Output = output;
            if (lane.Rows.AnyMissing)
                lane.Rows.MarkMissing(expertOutput);
            ReserveCombine(lane);
            long at = 0;
            for (var i = 0; i < _ranks.Length - 1; i++)
            {
                var member = Next(i);
                var rows = ReturnCount(lane, member);
                if (rows == 0)
                    continue;
                at = PackCombine(lane, member, expertOutput, at);
                Send(lane, member, FrameOperation.Combine, lane.Rows.Layer, rows);
            }

            PlaceOwn(lane, expertOutput);
        }
        finally
        {
            Leave();
        }
    }

    private void Send(ExchangeLane lane, int member, FrameOperation operation, int layer, int rows)
    {
        var send = lane.Sends[member];
        var header = new FrameHeader
        {
            Operation = operation,
            Epoch = _view.Epoch,
            Step = _number,
            Layer = layer,
            Lane = lane.Number,
            Count = rows,
        };
        CancellationToken cancellation;
        lock (_lock)
        {
            lane.Unsent++;
            _inside++;
            send.IsPending = true;
            cancellation = _sending.Token;
        }

        ValueTask sending;
        try
        {
            sending = _wire.SendAsync(_members[member], header, send.Metadata, send.Segments, cancellation);
        }
        catch (Exception exception)
        {
            sending = ValueTask.FromException(exception); // whatever it is, the call ends with it
        }

        send.Watch(sending);
    }
}
