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

    public ValueTask ForwardAsync(ExchangeStep step, int layer, EpBuffer hidden, EpBuffer topkIds, EpBuffer topkWeights, EpBuffer output, Experts experts, int laneNumber, CancellationToken cancellationToken)
    {
        LaneForward? forward;
        try
        {
            CheckOpen(step); // and again when the dispatch enters, under the lock
            forward = (uint)laneNumber < (uint)_lanes.Length ? _lanes[laneNumber].Forward : null; // that of this attempt, or the dispatch is refused
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
            : forward!.Run(step, dispatch, output, experts, cancellationToken);
    }

    /// <summary>All rows have come: groups them by slot. Runs where the app takes the result.</summary>
    public DispatchedRows FinishDispatch(ExchangeLane lane, ExchangeStep step)
    {
        EndWait(lane);
        Enter(step, lane, LanePhase.Dispatching, LanePhase.Dispatching);
        try
        {
            lane.Engine.Group(lane.Load);
        }
        finally
        {
            Leave(lane, LanePhase.Out);
            EndCall(lane);
        }

        return lane.Engine.Rows;
    }

    /// <summary>All results have come: sums them. Runs where the app takes the result.</summary>
    public void FinishCombine(ExchangeLane lane, ExchangeStep step)
    {
        EndWait(lane);
        Enter(step, lane, LanePhase.Combining, LanePhase.Combining);
        try
        {
            lane.Engine.Combine(lane.Output, step);
            lane.Output = default;
            lane.Position.EndCombine();
        }
        finally
        {
            Leave(lane, LanePhase.Ready);
            EndCall(lane);
        }
    }

    /// <summary>Enters the lane and sends; <see cref="MustWait"/> leaves it.</summary>
    private void BeginDispatch(ExchangeStep step, ExchangeLane lane, int layer, int tokens, EpBuffer hidden, EpBuffer topkIds, EpBuffer topkWeights)
    {
        Enter(step, lane, LanePhase.Ready, LanePhase.Dispatching);
        var isSent = false;
        try
        {
            if (lane.Position.Dispatched != layer)
                throw ExchangeErrors.State($"Layer {layer} was dispatched on lane {lane.Number} after {lane.Position.Dispatched} layers; run layers in order, each once.");
            lane.Engine.Route(layer, tokens, hidden, topkIds, topkWeights);
            lock (_lock)
                lane.Position.BeginDispatch(lane.Engine.Returns);
            isSent = true;
            lane.Engine.Dispatch(lane);
        }
        catch (Exception failure) when (isSent)
        {
            FailPacking(step, lane, failure);
        }
        finally
        {
            if (!isSent)
                Leave(lane, LanePhase.Ready);
        }
    }

    /// <inheritdoc cref="BeginDispatch"/>
    private void BeginCombine(ExchangeStep step, ExchangeLane lane, EpBuffer expertOutput, EpBuffer output)
    {
        Enter(step, lane, LanePhase.Out, LanePhase.Combining);
        try
        {
            lane.Output = output;
            lane.Engine.Return(expertOutput, output, lane);
        }
        catch (Exception failure)
        {
            FailPacking(step, lane, failure);
        }
    }

    /// <summary>The engine has put work on a device.</summary>
    public void Await(ExchangeLane lane, Func<CancellationToken, ValueTask> work)
    {
        lane.AddUnsent();
        lane.Work.IsPending = true;
        ValueTask working;
        try
        {
            working = work(_sending.Token);
        }
        catch (Exception exception)
        {
            working = ValueTask.FromException(exception);
        }

        Follow(lane, lane.Work, working);
    }

    /// <summary>The engine has something ready for a member. A frame that leaves at once takes no lock.</summary>
    public void Send(ExchangeLane lane, int member, int rows)
    {
        var send = lane.Sends[member];
        var header = new FrameHeader
        {
            Operation = lane.Phase == LanePhase.Dispatching ? FrameOperation.Dispatch : FrameOperation.Combine,
            Epoch = _view.Epoch,
            Step = _number,
            Layer = lane.Position.Dispatched - 1,
            Lane = lane.Number,
            Count = rows,
        };
        lane.AddUnsent();
        send.IsPending = true;
        ValueTask sending;
        try
        {
            sending = _wire.SendAsync(_members[member], header, send.MetadataSegments, send.Rows, _sending.Token);
        }
        catch (Exception exception)
        {
            sending = ValueTask.FromException(exception); // whatever it is, the call ends with it
        }

        Follow(lane, send, sending);
    }

    /// <summary>The call that has begun it is inside still: what has left already needs no lock.</summary>
    private void Follow(ExchangeLane lane, LaneSend send, ValueTask sending)
    {
        if (send.TryEnd(sending))
        {
            lane.RemoveUnsent();
            return;
        }

        lock (_lock)
            _inside++;
        send.Watch();
    }
}
