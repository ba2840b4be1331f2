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
        ValueTask<FrameTarget> answer;
        lock (_lock)
        {
            CheckHeader(source, header);
            if (Judge(header) is var verdict && verdict != FrameVerdict.Hold)
                return ValueTask.FromResult(Answer(source, header, verdict));
            answer = Hold(source, header, cancellationToken);
        }

        FrameWaiting?.Invoke(header.Epoch, header.Step);
        return answer;
    }

    /// <summary>The payload lies complete where <see cref="AcceptAsync"/> said.</summary>
    /// <exception cref="ElasticEpException">Its content does not fit the layout.</exception>
    public void Complete(int source, in FrameHeader header, EpBuffer payload)
    {
        try
        {
            if (IsStale(header))
                return;

            // The region is this frame's until it counts as written: it can be read without the lock.
            if (header.Operation == FrameOperation.Dispatch && FindFault(source, header) is { } fault)
                throw ExchangeErrors.Violation(source, fault);
            lock (_lock)
            {
                if (!IsStale(header))
                    Take(source, header);
            }
        }
        finally
        {
            EndWrite();
        }
    }

    /// <summary>The connection ended while the payload was being written.</summary>
    public void Aborted(int source, in FrameHeader header) => EndWrite();

    public void Withdraw(HeldFrame held, CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            if (held.IsWaiting && held.IsOf(cancellationToken))
                held.Fail(new OperationCanceledException(cancellationToken));
        }
    }

    private void EndWrite()
    {
        lock (_lock)
        {
            _writing--;
            SignalIfQuiet();
        }
    }

    private FrameVerdict Judge(in FrameHeader header) => header.Epoch <= _fence ? FrameVerdict.Drop : _rules.Judge(header, _view.Epoch, _number, _isOpen && !_step.HasEnded);

    private bool IsStale(in FrameHeader header)
    {
        lock (_lock)
        {
            if (Judge(header) == FrameVerdict.Accept)
                return false;
            _staleFrames++;
            return true;
        }
    }

    private string? FindFault(int source, in FrameHeader header) =>
        _lanes[header.Lane].Received(_memberOfRank[source], header.Layer).FindFault(_view.Placement.GetSlots(header.Layer, _rank));

    private ValueTask<FrameTarget> Hold(int source, in FrameHeader header, CancellationToken connectionEnded)
    {
        var held = _held[source];
        if (held is { IsWaiting: true })
        {
            if (held.IsOf(connectionEnded))
                throw ExchangeErrors.Violation(source, "a second one while one waits");
            held.Fail(new OperationCanceledException("The source has connected anew."));
        }

        if (held is not { IsFree: true })
            held = _held[source] = new HeldFrame(this);
        return held.Hold(header, connectionEnded);
    }

    private FrameTarget Answer(int source, in FrameHeader header, FrameVerdict verdict)
    {
        if (verdict == FrameVerdict.Drop)
        {
            _staleFrames++;
            return FrameTarget.Discard;
        }

        if (verdict == FrameVerdict.Violation)
            throw ExchangeErrors.Violation(source, $"{header.Operation} of step {header.Step}, while step {_number} is the last here; ranks are at most one step apart");
        var member = _memberOfRank[source];
        if (member < 0)
            throw ExchangeErrors.Violation(source, $"it is no member of {_view}");
        var buffer = header.Operation == FrameOperation.Dispatch ? PlaceDispatch(source, member, header) : PlaceCombine(source, member, header);
        _writing++;
        return FrameTarget.Deliver(buffer);
    }

    /// <summary>What can be said about a header whatever the view.</summary>
    private void CheckHeader(int source, in FrameHeader header)
    {
        if (source < 0 || source >= _held.Length || source == _rank)
            throw ExchangeErrors.Violation(source, $"ranks are 0 to {_held.Length - 1}, and this is rank {_rank}");
        if (header.Operation is not (FrameOperation.Dispatch or FrameOperation.Combine))
            throw ExchangeErrors.Violation(source, $"{header.Operation} on the data link");
        if (header.Lane < 0 || header.Lane >= _lanes.Length || header.Layer < 0 || header.Layer >= _layout.MoeLayers)
            throw ExchangeErrors.Violation(source, $"layer {header.Layer} of {_layout.MoeLayers}, lane {header.Lane} of {_lanes.Length}");
        var isDispatch = header.Operation == FrameOperation.Dispatch;
        var most = isDispatch ? _layout.MaxTokens : _layout.MaxTokens * _layout.TopK;
        if (header.Count < 0 || header.Count > most)
            throw ExchangeErrors.Violation(source, $"{header.Operation} of {header.Count} rows; the most are {most}");
        var bytes = isDispatch ? _layout.DispatchBytes(header.Count) : (long)header.Count * _layout.RowBytes;
        if (header.PayloadLength != bytes)
            throw ExchangeErrors.Violation(source, $"{header.Operation} of {header.Count} rows in {header.PayloadLength} bytes; they take {bytes}");
    }

    private EpBuffer PlaceDispatch(int source, int member, in FrameHeader header)
    {
        var lane = _lanes[header.Lane];
        if (lane.Position.PlaceDispatch(member, header.Layer) is { } fault)
            throw ExchangeErrors.Violation(source, fault);
        return lane.Received(member, header.Layer).Place(header.Count);
    }

    private EpBuffer PlaceCombine(int source, int member, in FrameHeader header)
    {
        var lane = _lanes[header.Lane];
        if (lane.Position.PlaceCombine(member, header.Layer, header.Count) is { } fault)
            throw ExchangeErrors.Violation(source, fault);
        return lane.Returned.Slice((long)lane.Routes.FirstReturn[member] * _layout.RowBytes, header.PayloadLength, _layout.RowType);
    }

    private void Take(int source, in FrameHeader header)
    {
        var lane = _lanes[header.Lane];
        var isDispatch = header.Operation == FrameOperation.Dispatch;
        if (isDispatch)
            lane.Position.CompleteDispatch(_memberOfRank[source], header.Layer);
        else
            lane.Position.CompleteCombine(_memberOfRank[source]);

        // Only frames that the call waits for: neither the next layer's, nor those that came while the experts ran.
        var isAwaited = lane.Call.IsPending && isDispatch == (lane.Phase == LanePhase.Dispatching) && header.Layer == lane.Position.Dispatched - 1;
        if (!isAwaited)
            return;
        _waits[source] = _waits[source].Add(_time.GetTimestamp() - lane.WaitsSince);
        if (lane.IsReady)
            lane.Call.Complete();
    }

    /// <summary>Looks at every waiting frame again.</summary>
    private void AnswerHeld()
    {
        for (var source = 0; source < _held.Length; source++)
        {
            if (_held[source] is null)
                continue;
            lock (_lock)
            {
                if (_held[source] is not { IsWaiting: true } held)
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
}
