using ElasticEp.Steps;
using ElasticEp.Transport;

namespace ElasticEp.Exchange;

/// <summary>The receiving side: where each frame goes, and what waits.</summary>
internal sealed partial class RankExchange
{
    /// <summary>Names the memory for a frame; a frame of a later step is parked.</summary>
    /// <exception cref="ElasticEpException">The frame does not fit the layout.</exception>
    public ValueTask<FrameTarget> AcceptAsync(MemberId source, in FrameHeader header, CancellationToken cancellationToken)
    {
        if (header.Operation == FrameOperation.Notice)
            return ValueTask.FromResult(AcceptNotice(source, header));
        ValueTask<FrameTarget> answer;
        lock (_lock)
        {
            CheckHeader(source, header);
            if (Judge(header) is var verdict && verdict != FrameVerdict.Hold)
                return ValueTask.FromResult(Answer(source, header, verdict));
            answer = Park(source, header, cancellationToken);
        }

        FrameParked?.Invoke(header.Epoch, header.Step);
        return answer;
    }

    /// <summary>The frame lies complete in the memory that <see cref="AcceptAsync"/> named.</summary>
    /// <exception cref="ElasticEpException">Its content does not fit the layout.</exception>
    public void Complete(MemberId source, in FrameHeader header)
    {
        // The region is this frame's until it counts as written: it can be read without the lock.
        string? fault;
        try
        {
            fault = header.Operation == FrameOperation.Dispatch ? FindFault(source, header) : null;
        }
        catch
        {
            EndWrite();
            throw;
        }

        lock (_lock)
        {
            // Under the same lock: a call that goes on may complete the step, and the next one begins only when nothing is being written.
            _writing--;
            SignalIfIdle();
            if (Judge(header) != FrameVerdict.Accept)
            {
                _staleFrames++;
                return;
            }

            if (fault is null)
            {
                Take(source, header);
                return;
            }
        }

        throw ExchangeErrors.Violation(source, fault);
    }

    /// <summary>The connection ended while the payload was being written.</summary>
    public void Aborted(MemberId source, in FrameHeader header) => EndWrite();

    /// <summary>The connection of a parked frame has ended.</summary>
    public void Withdraw(ParkedFrame parked, CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            if (!parked.IsWaiting || !parked.IsOf(cancellationToken))
                return;
            parked.Fail(new OperationCanceledException(cancellationToken));
            _parked.Remove(parked.Source);
        }
    }

    private FrameTarget AcceptNotice(MemberId source, in FrameHeader header)
    {
        if (source.Rank < 0 || source.Rank >= _memberOfRank.Length || source.Rank == _rank)
            throw ExchangeErrors.Violation(source, $"ranks are 0 to {_memberOfRank.Length - 1}, and this is rank {_rank}");
        if (_engine.NoticeBytes == 0)
            throw ExchangeErrors.Violation(source, "its engine wants to agree on another way than frames, which this rank's does not know; all ranks of a group need the same kernels");
        if (header.MetadataLength != _engine.NoticeBytes || header.RowsLength != 0)
            throw ExchangeErrors.Violation(source, $"a notice of {header.MetadataLength} + {header.RowsLength} bytes; this engine takes {_engine.NoticeBytes}");
        return FrameTarget.Deliver(EpBuffer.From(new byte[header.MetadataLength].AsMemory()), default);
    }

    private void EndWrite()
    {
        lock (_lock)
        {
            _writing--;
            SignalIfIdle();
        }
    }

    private FrameVerdict Judge(in FrameHeader header) => header.Epoch <= _fence ? FrameVerdict.Drop : _rules.Judge(header, _view.Epoch, _number, _isOpen && !_step.HasEnded);

    private string? FindFault(MemberId source, in FrameHeader header) =>
        _lanes[header.Lane].Engine.FindFault(_memberOfRank[source.Rank], header.Layer);

    private ValueTask<FrameTarget> Park(MemberId source, in FrameHeader header, CancellationToken connectionEnded)
    {
        var parked = _parked.GetValueOrDefault(source);
        if (parked is { IsWaiting: true })
        {
            if (parked.IsOf(connectionEnded))
                throw ExchangeErrors.Violation(source, "a second one while one is parked");
            parked.Fail(new OperationCanceledException("The source has connected anew."));
        }

        if (parked is not { IsFree: true })
            parked = _parked[source] = new ParkedFrame(this, source);
        return parked.Park(header, connectionEnded);
    }

    private FrameTarget Answer(MemberId source, in FrameHeader header, FrameVerdict verdict)
    {
        var member = _memberOfRank[source.Rank];
        var isOfAnotherProcess = member >= 0 && _members[member] != source;
        if (verdict == FrameVerdict.Drop || isOfAnotherProcess)
        {
            _staleFrames++;
            return FrameTarget.Discard;
        }

        if (verdict == FrameVerdict.Violation)
            throw ExchangeErrors.Violation(source, $"{header.Operation} of step {header.Step}, while step {_number} is the last here; ranks are at most one step apart");
        if (member < 0)
            throw ExchangeErrors.Violation(source, $"it is no member of {_view}");
        var target = header.Operation == FrameOperation.Dispatch ? PlaceDispatch(source, member, header) : PlaceCombine(source, member, header);
        _writing++;
        return target;
    }

    /// <summary>What can be said about a header whatever the view.</summary>
    private void CheckHeader(MemberId source, in FrameHeader header)
    {
        if (source.Rank < 0 || source.Rank >= _memberOfRank.Length || source.Rank == _rank)
            throw ExchangeErrors.Violation(source, $"ranks are 0 to {_memberOfRank.Length - 1}, and this is rank {_rank}");
        if (header.Operation is not (FrameOperation.Dispatch or FrameOperation.Combine))
            throw ExchangeErrors.Violation(source, $"{header.Operation} on the data link");
        if (header.Lane < 0 || header.Lane >= _lanes.Length || header.Layer < 0 || header.Layer >= _layout.MoeLayers)
            throw ExchangeErrors.Violation(source, $"layer {header.Layer} of {_layout.MoeLayers}, lane {header.Lane} of {_lanes.Length}");
        var isDispatch = header.Operation == FrameOperation.Dispatch;
        var most = isDispatch ? _layout.MaxTokens : _layout.MaxTokens * _layout.TopK;
        if (header.Count < 0 || header.Count > most)
            throw ExchangeErrors.Violation(source, $"{header.Operation} of {header.Count} rows; the most are {most}");
        var (metadata, rows) = (isDispatch ? _layout.MetaBytes(header.Count) : 0, (long)header.Count * _layout.RowBytes);
        if (header.MetadataLength != metadata || header.RowsLength != rows)
            throw ExchangeErrors.Violation(source, $"{header.Operation} of {header.Count} rows in {header.MetadataLength} + {header.RowsLength} bytes; they take {metadata} + {rows}");
    }

    private FrameTarget PlaceDispatch(MemberId source, int member, in FrameHeader header)
    {
        var lane = _lanes[header.Lane];
        if (lane.Position.PlaceDispatch(member, header.Layer) is { } fault)
            throw ExchangeErrors.Violation(source, fault);
        return lane.Engine.PlaceDispatch(member, header.Layer, header.Count);
    }

    private FrameTarget PlaceCombine(MemberId source, int member, in FrameHeader header)
    {
        var lane = _lanes[header.Lane];
        if (lane.Position.PlaceCombine(member, header.Layer, header.Count) is { } fault)
            throw ExchangeErrors.Violation(source, fault);
        return lane.Engine.PlaceReturn(member, header.Count);
    }

    private void Take(MemberId source, in FrameHeader header)
    {
        var lane = _lanes[header.Lane];
        var isDispatch = header.Operation == FrameOperation.Dispatch;
        if (isDispatch)
            lane.Position.CompleteDispatch(_memberOfRank[source.Rank], header.Layer);
        else
            lane.Position.CompleteCombine(_memberOfRank[source.Rank]);

        // Only frames that the call waits for: neither the next layer's, nor those that came while the experts ran.
        var isAwaited = (lane.Call.IsPending || lane.HasWaited) && isDispatch == (lane.Phase == LanePhase.Dispatching) && header.Layer == lane.Position.Dispatched - 1;
        if (!isAwaited)
            return;
        _waits[source.Rank] = _waits[source.Rank].Add(_time.GetTimestamp() - lane.WaitsSince);
        CompleteIfOver(lane);
    }

    /// <summary>Looks at every parked frame again.</summary>
    private void AnswerParked()
    {
        lock (_lock)
        {
            foreach (var (source, parked) in _parked)
            {
                if (!parked.IsWaiting || Judge(parked.Header) is var verdict && verdict == FrameVerdict.Hold)
                    continue;
                try
                {
                    parked.Answer(Answer(source, parked.Header, verdict)); // who waits for it goes on elsewhere
                }
                catch (ElasticEpException violation)
                {
                    parked.Fail(violation);
                }
            }
        }
    }

    /// <summary>What was kept for processes that are no members any more goes, unless a frame of theirs is parked.</summary>
    private void ForgetSources(GroupView view)
    {
        foreach (var (source, parked) in _parked)
        {
            if (!parked.IsWaiting && !view.Contains(source))
                _parked.Remove(source);
        }
    }
}
