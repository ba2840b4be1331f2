using ElasticEp.Steps;
using ElasticEp.Transport;

namespace ElasticEp.Exchange;

/// <summary>The receiving side: where each payload goes, and what waits.</summary>
internal sealed partial class RankExchange
{
    /// <summary>Says where the payload of a frame goes; a frame of a later step waits.</summary>
    /// <exception cref="ElasticEpException">The frame does not fit the layout.</exception>
    public ValueTask<FrameTarget> AcceptAsync(int source, FrameHeader header, CancellationToken cancellationToken)
    {
        HeldFrame held;
        ValueTask<FrameTarget> answer;
        lock (_lock)
        {
            if (source < 0 || source >= _held.Length)
                throw ExchangeErrors.Violation(source, $"ranks are 0 to {_held.Length - 1}");
            if (Judge(header) is var verdict && verdict != FrameVerdict.Hold)
                return ValueTask.FromResult(Answer(source, header, verdict));
            held = _held[source] ??= new HeldFrame(this);
            if (held.IsWaiting)
                throw ExchangeErrors.Violation(source, "a second frame while one waits");
            answer = held.Hold(header);
        }

        held.Watch(cancellationToken);
        FrameWaiting?.Invoke(header.Epoch, header.Step);
        return answer;
    }

    /// <summary>The payload lies complete where <see cref="AcceptAsync"/> said.</summary>
    /// <exception cref="ElasticEpException">Its content does not fit the layout.</exception>
    public void Complete(int source, in FrameHeader header, EpBuffer payload)
    {
        lock (_lock)
        {
            _writing--;
            try
            {
                if (Judge(header) != FrameVerdict.Accept)
                {
                    _staleFrames++;
                    return;
                }

                Take(source, header);
            }
            finally
            {
                SignalIfQuiet();
            }
        }
    }

    /// <summary>The connection ended while the payload was being written.</summary>
    public void Aborted(int source, in FrameHeader header)
    {
        lock (_lock)
        {
            _writing--;
            SignalIfQuiet();
        }
    }

    private FrameVerdict Judge(in FrameHeader header) => header.Epoch <= _fence ? FrameVerdict.Drop : _rules.Judge(header, _view.Epoch, _number, _isOpen && !_step.HasEnded);

    private FrameTarget Answer(int source, in FrameHeader header, FrameVerdict verdict)
    {
        if (verdict == FrameVerdict.Drop)
        {
            _staleFrames++;
            return FrameTarget.Discard;
        }

        var buffer = Place(source, header);
        _writing++;
        return FrameTarget.Deliver(buffer);
    }

    private EpBuffer Place(int source, in FrameHeader header)
    {
        var member = _memberOfRank[source];
        if (member < 0 || member == _self)
            throw ExchangeErrors.Violation(source, $"it is no other member of {_view}");
        if (header.Lane >= _lanes.Length || header.Layer >= _layout.MoeLayers)
            throw ExchangeErrors.Violation(source, $"layer {header.Layer} of {_layout.MoeLayers}, lane {header.Lane} of {_lanes.Length}");
        var lane = _lanes[header.Lane];
        return header.Operation == FrameOperation.Dispatch ? PlaceDispatch(member, header, lane) : PlaceCombine(member, header, lane);
    }

    private EpBuffer PlaceDispatch(int member, in FrameHeader header, ExchangeLane lane)
    {
        if (header.Count > _layout.MaxTokens || header.PayloadLength != _layout.DispatchBytes(header.Count))
            throw ExchangeErrors.Violation(_ranks[member], $"{header.Count} rows of at most {_layout.MaxTokens} in {header.PayloadLength} bytes, expected {_layout.DispatchBytes(header.Count)}");
        var region = lane.Received(member, header.Layer);

        // The layer that is being dispatched here, or the next one; never again, never further ahead.
        var isCurrent = header.Layer == lane.Dispatched - 1 || header.Layer == lane.Dispatched;
        if (!isCurrent || region.Layer >= header.Layer)
            throw ExchangeErrors.Violation(_ranks[member], $"a dispatch of layer {header.Layer} after {region.Layer}, while {lane.Dispatched} layers were dispatched here");
        return region.Begin(header.Layer, header.Count);
    }

    private EpBuffer PlaceCombine(int member, in FrameHeader header, ExchangeLane lane)
    {
        if (header.Layer != lane.Dispatched - 1 || lane.Combined != header.Layer || lane.IsReturned(member))
            throw ExchangeErrors.Violation(_ranks[member], $"a combine of layer {header.Layer}, while {lane.Dispatched} layers were dispatched here");
        var destination = lane.Routes.Destinations[member];
        if (header.Count != destination.Returns || header.Count == 0 || header.PayloadLength != (long)destination.Returns * _layout.RowBytes)
            throw ExchangeErrors.Violation(_ranks[member], $"{header.Count} rows in {header.PayloadLength} bytes come back, {destination.Returns} were expected");
        return lane.Returned.Slice((long)destination.FirstReturn * _layout.RowBytes, header.PayloadLength, _layout.RowType);
    }

    private void Take(int source, in FrameHeader header)
    {
        var member = _memberOfRank[source];
        var lane = _lanes[header.Lane];
        if (header.Operation == FrameOperation.Dispatch)
        {
            var region = lane.Received(member, header.Layer);
            region.Check(source, _view.Placement.GetSlots(header.Layer, _rank));
            region.MarkComplete();
        }
        else
        {
            lane.MarkReturned(member);
        }

        if (lane.Wait.IsWaiting && HasAll(lane))
            lane.Wait.Complete();
    }

    private bool HasAll(ExchangeLane lane)
    {
        for (var member = 0; member < _ranks.Length; member++)
        {
            if (member != _self && !HasArrived(lane, member))
                return false;
        }

        return true;
    }

    /// <summary>Looks at every waiting frame again.</summary>
    private void AnswerHeld()
    {
        for (var source = 0; source < _held.Length; source++)
        {
            if (_held[source] is not { } held)
                continue;
            lock (_lock)
            {
                if (!held.IsWaiting)
                    continue;
                var verdict = Judge(held.Header);
                if (verdict == FrameVerdict.Hold)
                    continue;
                try
                {
                    held.Answer(Answer(source, held.Header, verdict));
                }
                catch (ElasticEpException violation)
                {
                    held.Fail(violation);
                }
            }
        }
    }

    public void Withdraw(HeldFrame held, CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            if (held.IsWaiting)
                held.Fail(new OperationCanceledException(cancellationToken));
        }
    }
}
