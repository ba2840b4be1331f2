using ElasticEp.Events;
using ElasticEp.Protocol;
using ElasticEp.Transport;
using Microsoft.Extensions.Logging;

namespace ElasticEp.Runtime;

/// <summary>Starts effects. Runs inside the mailbox: nothing here waits, and nothing here decides.</summary>
internal sealed partial class RankRuntime
{
    private bool _isWatchingRanks;
    private TimeSpan? _timerAt; // when the timer is set to fire

    private void Handle(RankEvent e)
    {
        if (_isDisposed != 0)
            return;
        try
        {
            if (e is { Kind: RankEventKind.GroupForgotten } || (e is { Kind: RankEventKind.RecordRead, Payload: null } && View.Epoch > 0))
            {
                Fail(new ElasticEpException(
                    ElasticEpErrorCode.GroupEnded,
                    $"The store does not know group {Name} any more: it was restarted without its content. Start the ranks again to form a new group.")
                { Rank = Rank, Epoch = View.Epoch });
                return;
            }

            var effects = _core.Handle(e, _services.Time.GetElapsedTime(_startedAt));
            for (var i = 0; i < effects.Count; i++)
                Start(effects[i]);
            if (e.Kind == RankEventKind.LinkLost)
                Reconnect(e.Peer);
            else if (e.Kind == RankEventKind.RollbackFailed)
                Fail((Exception)e.Payload!);
            if (e.Kind == RankEventKind.Tick)
                _timerAt = null;
            SetTimer(_core.WakeAt);
        }
        catch (Exception exception)
        {
            Fail(exception);
        }
    }

    /// <summary>
    /// Every step has a deadline that nearly never comes. The timer is set only to fire earlier than it would: one that fires too
    /// early finds nothing due, and is set again for what is due then.
    /// </summary>
    private void SetTimer(TimeSpan? at)
    {
        if (at is not { } due || due >= _timerAt)
            return;
        _timerAt = due;
        var wait = due - _services.Time.GetElapsedTime(_startedAt);
        _timer.Change(wait < TimeSpan.Zero ? TimeSpan.Zero : wait, Timeout.InfiniteTimeSpan);
    }

    private void Start(in RankEffect effect)
    {
        switch (effect.Kind)
        {
            case RankEffectKind.SendStepEnd:
            case RankEffectKind.SendWake:
                Broadcast(effect);
                break;
            case RankEffectKind.RunDelegate:
                StartAttempt(effect);
                break;
            case RankEffectKind.AbortAttempt:
                _exchange.Abort(new ElasticEpException(ElasticEpErrorCode.StepAborted, (string)effect.Payload!) { Epoch = effect.Epoch, Rank = Rank });
                _ = _attempt.CancelAsync(); // callbacks of the app run elsewhere
                break;
            case RankEffectKind.Fence:
                _exchange.Fence(effect.Epoch);
                break;
            case RankEffectKind.CloseStep:
                _exchange.EndStep();
                _services.Metrics.StepCompleted(Name, Rank, _clock.Close());
                break;
            case RankEffectKind.EnterView:
                EnterView((GroupView)effect.Payload!, effect.Step);
                break;
            case RankEffectKind.SettleView:
                _weights.Settle();
                break;
            case RankEffectKind.ReturnToCaller:
                _caller.Add(new CallerSignal(false, null, effect.Flag, effect.Payload as Exception));
                if (_core.Member.Phase == Steps.MemberPhase.Gone && !effect.Flag && effect.Payload is null)
                    End(null);
                break;
            case RankEffectKind.Send:
                _ = SendAsync(effect.Peer, (ProtocolMessage)effect.Payload!);
                break;
            case RankEffectKind.Connect:
                _connections.Connect(effect.Peer, (string)effect.Payload!);
                break;
            case RankEffectKind.Disconnect:
                _connections.Disconnect(effect.Peer);
                break;
            case RankEffectKind.AbortLink:
                LogAborted(Name, Rank, effect.Peer, (string)effect.Payload!);
                _connections.Disconnect(effect.Peer);
                break;
            case RankEffectKind.Load:
                _weights.StartLoad((PrepareMessage)effect.Payload!);
                break;
            case RankEffectKind.Rollback:
                _weights.StartRollback(effect.Flag);
                break;
            case RankEffectKind.Drain:
                _weights.StartDrain(effect.Operation!, (TimeSpan)effect.Payload!);
                break;
            case RankEffectKind.ReadRecord:
                _ = _keeper.ReadAsync(Post);
                break;
            case RankEffectKind.WriteRecord:
                _ = _keeper.WriteAsync((GroupRecord)effect.Payload!, effect.Number, Post);
                break;
            case RankEffectKind.ReportLoad:
                ReportLoad(effect);
                break;
            case RankEffectKind.ShowBalance:
                _services.Metrics.BalanceKnown(Name, (LoadBalance)effect.Payload!);
                break;
            case RankEffectKind.Plan:
                StartPlan(effect);
                break;
            case RankEffectKind.WatchRanks:
                if (!_isWatchingRanks)
                    _loops.Add(_keeper.WatchRanksAsync(Post));
                _isWatchingRanks = true;
                break;
            case RankEffectKind.Tell:
                _requests.OnMessage((ProtocolMessage)effect.Payload!);
                break;
            case RankEffectKind.Fail:
                Fail(new ElasticEpException(ElasticEpErrorCode.GroupEnded, (string)effect.Payload!) { Rank = Rank, Epoch = View.Epoch });
                break;
        }
    }

    private void Broadcast(in RankEffect effect)
    {
        var header = new FrameHeader
        {
            Operation = effect.Kind == RankEffectKind.SendWake ? FrameOperation.Wake : FrameOperation.StepEnd,
            Epoch = effect.Epoch,
            Step = effect.Step,
            Flags = effect.Flag ? (ushort)1 : (ushort)0,
            Id = effect.NextEpoch,
            Checksum = effect.NextDigest,
        };
        foreach (var member in ((GroupView)effect.Payload!).Members)
        {
            if (member.Rank != Rank)
                SendControl(member.Rank, header);
        }
    }

    private void SendControl(int peer, in FrameHeader header)
    {
        // Completes at once nearly always; only a pending or failed send is looked at further.
        var sending = TrySend(peer, header);
        if (!sending.IsCompletedSuccessfully)
            _ = ObserveAsync(sending, peer);
        else
            sending.GetAwaiter().GetResult();
    }

    private ValueTask TrySend(int peer, in FrameHeader header)
    {
        try
        {
            return _services.Transport.SendAsync(peer, LinkKind.Control, header, default, _stopped.Token);
        }
        catch (ElasticEpException exception)
        {
            return ValueTask.FromException(exception);
        }
    }

    private async Task ObserveAsync(ValueTask sending, int peer)
    {
        try
        {
            await sending.ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is ElasticEpException or OperationCanceledException or ObjectDisposedException)
        {
            LogNotSent(Name, Rank, peer, exception.Message); // the lost link is an event of its own
        }
    }

    private async Task SendAsync(int peer, ProtocolMessage message)
    {
        try
        {
            await ProtocolSender.SendAsync(_services.Transport, peer, message, _stopped.Token).ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is ElasticEpException or OperationCanceledException or ObjectDisposedException)
        {
            LogNotSent(Name, Rank, peer, exception.Message);
        }
    }

    private void StartAttempt(in RankEffect effect)
    {
        if (_attempt.IsCancellationRequested)
        {
            _attempt.Dispose();
            _attempt = new CancellationTokenSource();
        }

        if (_clock.Begin(effect.Epoch, isRetry: effect.Number > 1) is { } pause)
            _services.Metrics.Paused(Name, Rank, pause);

        var step = _exchange.BeginStep(effect.Epoch, effect.Step, (int)effect.Number);
        _caller.Add(new CallerSignal(true, step, false, null));
    }

    private void EnterView(GroupView view, long firstStep)
    {
        _weights.Switch(view);
        if (view.Contains(Rank))
            _exchange.EnterView(view, firstStep);
        LogView(Name, Rank, view);
        _views.Publish(view);
    }

    private void StartPlan(in RankEffect effect)
    {
        var (inquiry, operation) = ((PlanInquiry)effect.Payload!, effect.Operation);
        if (inquiry.Load.IsEmpty && View.Epoch > 0)
            LogLoadUnknown(Name, Rank);
        _ = Task.Run(() =>
        {
            object answer;
            long bound = 0;
            try
            {
                (answer, bound) = Planning.Plan(_policy, inquiry, _services.Options, _weights.Weights.Manifest);
            }
            catch (Exception exception)
            {
                answer = exception;
            }

            Post(new RankEvent(RankEventKind.Planned) { Operation = operation, Payload = answer, Number = bound });
        });
    }

    private void ReportLoad(in RankEffect effect)
    {
        var report = _load.Next(effect.Step);
        if (effect.Peer == Rank)
            Post(new RankEvent(RankEventKind.Message) { Peer = Rank, Payload = report });
        else
            _ = SendAsync(effect.Peer, report);
    }

    private void Reconnect(int peer)
    {
        if (View.Find(peer) is { } member && View.Contains(Rank))
            _connections.Reconnect(member);
    }

    private void Fail(Exception exception)
    {
        if (_failure is not null)
            return;
        _failure = exception;
        LogFailed(exception, Name, Rank);
        _exchange.Abort(new ElasticEpException(ElasticEpErrorCode.StepAborted, exception.Message, exception) { Rank = Rank });
        _ = _attempt.CancelAsync();
        _caller.Add(new CallerSignal(false, null, false, new ElasticEpException(ElasticEpErrorCode.GroupEnded, $"Rank {Rank} has failed: {exception.Message}", exception) { Rank = Rank }));
        End(exception);
    }

    [LoggerMessage(1032, LogLevel.Debug, "Group {Group}: rank {Rank} could not send to {Peer}: {Reason}")]
    private partial void LogNotSent(string group, int rank, int peer, string reason);

    [LoggerMessage(1033, LogLevel.Information, "Group {Group}: rank {Rank} uses {View}")]
    private partial void LogView(string group, int rank, GroupView view);

    [LoggerMessage(1036, LogLevel.Information, "Group {Group}: rank {Rank} coordinates and knows no load yet; experts are placed as if all were equally hot")]
    private partial void LogLoadUnknown(string group, int rank);

    [LoggerMessage(1037, LogLevel.Error, "Group {Group}: rank {Rank} cuts the link to rank {Peer}: {Reason}")]
    private partial void LogAborted(string group, int rank, int peer, string reason);

    [LoggerMessage(1034, LogLevel.Critical, "Group {Group}: rank {Rank} has failed and takes no further part")]
    private partial void LogFailed(Exception exception, string group, int rank);
}
