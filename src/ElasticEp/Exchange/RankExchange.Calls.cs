namespace ElasticEp.Exchange;

/// <summary>What a call of the app needs: a way in and out, an end, and a deadline.</summary>
internal sealed partial class RankExchange
{
    /// <summary>Called when the app's token is cancelled.</summary>
    public void Cancel(LaneCall call, CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            if (call.IsPending)
                Fail(call.Step, new OperationCanceledException(cancellationToken), isOfPeers: false);
        }
    }

    /// <summary>A frame that had to wait has left, or could not.</summary>
    public void OnSent(ExchangeLane lane, LaneSend send, Exception? failure)
    {
        lock (_lock)
        {
            send.End();
            lane.RemoveUnsent();
            _inside--;
            if (failure is not null && ReferenceEquals(send, lane.Work))
                FailWork(lane.Call.Step, lane, failure);
            else if (failure is not null)
                Fail(lane.Call.Step, failure, isOfPeers: true);
            CompleteIfOver(lane);
            SignalIfIdle();
        }
    }

    /// <summary>Experts of a forward begin: what they read and write stays in use until <see cref="LeaveExperts"/>, whether anybody awaits the call or not.</summary>
    public void EnterExperts(ExchangeStep step)
    {
        lock (_lock)
        {
            CheckOpen(step);
            _inside++;
        }
    }

    public void LeaveExperts() => Leave();

    /// <summary>Between two experts: an attempt that has failed needs no further one. No lock: one more does no harm.</summary>
    public static void ThrowIfOver(ExchangeStep step)
    {
        if (step.Failure is { } failure)
            throw ExchangeErrors.Again(failure);
    }

    private void CheckOpen(ExchangeStep step)
    {
        if (step.Failure is { } failure)
            throw ExchangeErrors.Again(failure);
        if (!ReferenceEquals(step, _step) || !_isOpen || step.HasEnded)
            throw ExchangeErrors.State("The exchanges of this step have ended.");
    }

    /// <summary>Takes a lane from one phase into the next; from here on memory is in use.</summary>
    private void Enter(ExchangeStep step, ExchangeLane lane, LanePhase from, LanePhase to)
    {
        lock (_lock)
        {
            CheckOpen(step);
            if (lane.Phase != from)
                throw ExchangeErrors.State($"Lane {lane.Number} is {lane.Phase}, not {from}; a lane has one call at a time, and each dispatch one combine.");
            lane.Phase = to;
            _inside++;
        }
    }

    private void Leave()
    {
        lock (_lock)
        {
            _inside--;
            SignalIfIdle();
        }
    }

    private void Leave(ExchangeLane lane, LanePhase to)
    {
        lock (_lock)
        {
            lane.Phase = to;
            _inside--;
            SignalIfIdle();
        }
    }

    private void SignalIfIdle()
    {
        if (!IsIdle)
            return;
        if (!_isOpen)
            _engine.EndAttempt();
        if (_idle is not { } idle)
            return;
        _idle = null;
        idle.SetResult();
    }

    /// <summary>
    /// Leaves a call that has begun. Whether it has to wait; if so it waits from now on, <paramref name="version"/> is its number, and <paramref name="call"/> what it
    /// waits for: the lane may have another one as soon as the lock is free, when nobody awaits the call and its attempt has ended.
    /// </summary>
    private bool MustWait(ExchangeLane lane, ExchangeStep step, CancellationToken cancellationToken, out LaneCall call, out short version)
    {
        if (_pollTime > TimeSpan.Zero && _polling.IsPossible && !lane.IsReady)
        {
            lock (_lock)
                BeginWait(lane);
            _polling.Wait(lane, step, _pollTime);
        }

        lock (_lock)
        {
            _inside--;
            SignalIfIdle();
            (call, version) = (lane.Call, 0);
            var sendsOfIts = ReferenceEquals(call.Step, step) ? lane.Unsent : 0; // an attempt that has failed is followed by one with a call of its own
            if (sendsOfIts == 0)
                CheckOpen(step);
            if (lane.IsReady)
                return false;
            BeginWait(lane);
            SetTimer(_deadline);
            version = call.Begin(cancellationToken);
            return true;
        }
    }

    /// <summary>The attempt cannot succeed any more: every call of it ends now.</summary>
    private void Fail(ExchangeStep step, Exception failure, bool isOfPeers)
    {
        if (!ReferenceEquals(step, _step) || !_isOpen || step.HasEnded)
            return;
        var reason = failure is ElasticEpException or OperationCanceledException
            ? failure
            : new ElasticEpException(ElasticEpErrorCode.PeerLost, $"An exchange of step {_number} failed: {failure.Message}", failure) { Epoch = _view.Epoch };
        step.Fail(reason, isOfPeers);
        FailCalls();
    }

    /// <summary>A call ends when all has come or its attempt has failed, but not before its rows are sent: they are the app's, who may free them then.</summary>
    private static void CompleteIfOver(ExchangeLane lane)
    {
        if (!lane.Call.IsPending || lane.Unsent > 0)
            return;
        if (lane.Call.Step.Failure is { } failure)
            lane.Call.Complete(failure);
        else if (lane.IsReady)
            lane.Call.Complete();
    }

    /// <summary>Work of a device has failed: a driver's error and a wrong batch are this rank's own, and another recovery would not help.</summary>
    private void FailWork(ExchangeStep step, ExchangeLane lane, Exception failure)
    {
        var reason = failure as ElasticEpException
            ?? new ElasticEpException(ElasticEpErrorCode.StepFailed, $"Work of step {step.Number}, lane {lane.Number} on the device failed: {failure.Message}", failure) { Rank = _rank };
        Fail(step, reason, isOfPeers: reason.Code is ElasticEpErrorCode.DeadlineExceeded or ElasticEpErrorCode.PeerLost or ElasticEpErrorCode.ProtocolViolation or ElasticEpErrorCode.StepAborted);
    }

    /// <summary>The engine has failed, perhaps when some rows were on their way already: the call ends like one whose send has failed.</summary>
    private void FailPacking(ExchangeStep step, ExchangeLane lane, Exception failure)
    {
        var reason = failure as ElasticEpException
            ?? new ElasticEpException(ElasticEpErrorCode.StepFailed, $"Rows of step {step.Number}, lane {lane.Number} cannot be packed: {failure.Message}", failure) { Rank = _rank };
        lock (_lock)
            Fail(step, reason, isOfPeers: false);
    }

    private void FailCalls()
    {
        foreach (var lane in _lanes)
            CompleteIfOver(lane);
        if (_inside != 0)
            _ = _sending.CancelAsync(); // a send that is held back would keep its memory
    }

    /// <summary>All waits have the same length, so a timer that runs is never too late; it is set again when it fires too early.</summary>
    private void SetTimer(TimeSpan after)
    {
        if (_isTimerSet)
            return;
        _isTimerSet = true;
        _timer.Change(after, Timeout.InfiniteTimeSpan);
    }

    private void OnTimer()
    {
        lock (_lock)
        {
            _isTimerSet = false;
            TimeSpan? next = null;
            foreach (var lane in _lanes)
            {
                if (!lane.Call.IsPending)
                    continue;
                var left = _deadline - _time.GetElapsedTime(lane.WaitsSince);
                if (left <= TimeSpan.Zero)
                    Fail(lane.Call.Step, DeadlineExceeded(lane), isOfPeers: true);
                else if (next is null || left < next)
                    next = left;
            }

            if (next is { } after)
                SetTimer(after);
        }
    }

    private ElasticEpException DeadlineExceeded(ExchangeLane lane)
    {
        var missing = Enumerable.Range(0, _ranks.Length).Where(lane.IsMissing).Select(member => _ranks[member]).ToArray();
        var what = lane.Phase == LanePhase.Dispatching ? "dispatch" : "combine";
        return new ElasticEpException(
            ElasticEpErrorCode.DeadlineExceeded,
            $"Rank {_rank} waited {_deadline} in the {what} of layer {lane.Position.Dispatched - 1}, lane {lane.Number}, step {_number} for rank {string.Join(", ", missing)}.")
        {
            Epoch = _view.Epoch,
            Rank = missing.Length > 0 ? missing[0] : null,
        };
    }
}
