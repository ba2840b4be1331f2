using System.Collections.Immutable;
using ElasticEp.Events;
using ElasticEp.Protocol;
using ElasticEp.Transport;
using Microsoft.Extensions.Logging;

namespace ElasticEp.Runtime;

/// <summary>Starts effects. Runs inside the mailbox: nothing here waits, and nothing here decides.</summary>
internal sealed partial class RankRuntime
{
    private static readonly TimeSpan LongestWait = TimeSpan.FromDays(1); // a timer takes no more than 49 days

    private TimeSpan? _timerAt; // when the timer is set to fire
    private GroupView? _unlogged; // the view in use, until its first step is complete

    private void Handle(RankEvent e)
    {
        if (e.Kind == StepEventKind.Pulse)
            _lag.OnAnswered();
        if (_isDisposed != 0 || e.Kind == StepEventKind.Pulse)
            return;
        if (e.Kind == StepEventKind.DumpWanted)
        {
            AnswerDumps();
            return;
        }

        try
        {
            var now = _services.Time.GetElapsedTime(_startedAt);
            var effects = _recorder.Handle(e, now);
            NoteProgress(now);
            for (var i = 0; i < effects.Count; i++)
            {
                _reach?.Invoke(FaultPoints.Before(effects[i]));
                Start(effects[i]);
                _reach?.Invoke(FaultPoints.After(effects[i]));
            }

            if (e.Kind == StepEventKind.Tick)
                _timerAt = null;
            SetTimer(_core.WakeAt);
        }
        catch (Exception exception)
        {
            Fail(exception);
        }
    }

    private void OnExchangesEnded()
    {
        _reach?.Invoke(FaultPoints.BeforeStepEnd);
        Post(RankEvent.ExchangesEnded);
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
        _timer.Change(wait < TimeSpan.Zero ? TimeSpan.Zero : wait < LongestWait ? wait : LongestWait, Timeout.InfiniteTimeSpan);
    }

    private void Start(in RankEffect effect)
    {
        switch (effect.Kind)
        {
            case StepEffectKind.SendStepEnd:
            case StepEffectKind.SendWake:
                Broadcast(effect);
                break;
            case StepEffectKind.RunDelegate:
                StartAttempt(effect);
                break;
            case StepEffectKind.CompleteStep:
                _exchange.EndStep();
                _services.Metrics.StepCompleted(Name, Rank, _clock.Complete());
                break;
            case StepEffectKind.ReturnToCaller:
                _caller.Add(new CallerSignal(false, null, effect.Result, effect.Failure));
                break;
            default:
                Start(effect.Control!);
                break;
        }
    }

    private void Start(ControlEffect effect)
    {
        switch (effect)
        {
            case AbortAttempt abort:
                _exchange.Abort(new ElasticEpException(ElasticEpErrorCode.StepAborted, abort.Reason) { Epoch = abort.Epoch, Rank = Rank });
                _ = _attempt.CancelAsync(); // callbacks of the app run elsewhere
                break;
            case Fence fence:
                LogViewIfNew();
                _exchange.Fence(fence.Epoch);
                break;
            case EnterView entered:
                EnterView(entered);
                break;
            case SendMessage send:
                _ = SendAsync(send.To, send.Message);
                break;
            case Dial dial:
                _dialer.Dial(dial.Peer);
                break;
            case BeatTo beat:
                _heartbeats.Peers = beat.Peers;
                break;
            case Disconnect disconnect:
                _dialer.Disconnect(disconnect.Peer);
                break;
            case AbortLink abort:
                LogAborted(Name, _core.Member.Self, abort.Peer, abort.Reason, abort.Detail);
                _services.Transport.Abort(abort.Peer, abort.Reason, abort.Detail);
                break;
            case Fetch fetch:
                _weights.StartFetch(fetch.Plan, fetch.IsLeaver);
                break;
            case Reload reload:
                _weights.StartReload(reload.View);
                break;
            case Rollback rollback:
                _weights.StartRollback(rollback.Operation, rollback.HasDrained);
                break;
            case Drain drain:
                _weights.StartDrain(drain.Operation, drain.DrainTime);
                break;
            case ReadRecord read:
                _ = _keeper.ReadAsync(read.Stamp, PostControl);
                break;
            case WriteRecord write:
                _ = _keeper.WriteAsync(write, PostControl);
                break;
            case ReportExpertLoad report:
                ReportLoad(report);
                break;
            case ShowReloadTrouble { IsStuck: false } trouble:
                LogNotReloaded(Name, _core.Member.Self, trouble.View, trouble.Reason);
                break;
            case ShowReloadTrouble trouble:
                LogReloadStuck(Name, _core.Member.Self, trouble.View, trouble.Reason);
                break;
            case ShowLoss { Loss: var loss }:
                LogLost(Name, _core.Member.Self, loss.Peer, loss.Reason, loss.Detail);
                break;
            case ShowRecovery { View: var recovered, Times: var times }:
                ImmutableInterlocked.Update(ref _recoveries, (known, added) => [.. known.TakeLast(MostRecoveries - 1), added], times);
                _services.Metrics.Recovered(Name, Rank, times);
                LogRecovered(Name, _core.Member.Self, recovered, times.Detect.TotalMilliseconds, times.Stop.TotalMilliseconds, times.Write.TotalMilliseconds, times.Start.TotalMilliseconds);
                break;
            case ShowBalance show:
                _services.Metrics.BalanceKnown(Name, show.Balance);
                break;
            case Plan plan:
                StartPlan(plan);
                break;
            case AnnounceStandby announce:
                _registration.Announce(_core.Member.Self, announce.State);
                break;
            case WatchRanks:
                _loops.Enqueue(_keeper.WatchRanksAsync(PostControl));
                break;
            case DeliverReply reply:
                _requests.OnMessage(reply.From, reply.Message);
                break;
            case ViewCompleted:
                LogViewIfNew();
                break;
            case RankEnded:
                if (_core.WasEvicted && _failure is null)
                    _ = Dump(() => "was evicted, and lives");
                End(null);
                break;
            case Fail fail:
                Fail(new ElasticEpException(ElasticEpErrorCode.GroupEnded, fail.Reason) { Rank = Rank, Epoch = View.Epoch });
                break;
            default:
                throw new InvalidOperationException($"Nothing starts the effect {effect.GetType().Name}.");
        }
    }

    private void StartAttempt(in RankEffect effect)
    {
        if (_attempt.IsCancellationRequested)
        {
            _attempt.Dispose();
            _attempt = new CancellationTokenSource();
        }

        var epoch = effect.View!.Epoch;
        if (_clock.Begin(epoch, isRetry: effect.Attempt > 1) is { } pause)
            _services.Metrics.Paused(Name, Rank, pause);

        var step = _exchange.BeginStep(epoch, effect.Step, effect.Attempt);
        _caller.Add(new CallerSignal(true, step, false, null));
    }

    private void EnterView(EnterView entered)
    {
        var view = entered.View;
        if (view.Contains(_core.Member.Self))
        {
            if (!entered.IsReloading)
                _weights.Switch(view); // else Reload follows
            _exchange.EnterView(view, entered.FirstStep);
        }

        LogViewIfNew();
        _unlogged = view; // between two steps not now: everybody waits
        if (view.BeginsWithStart || !view.Contains(_core.Member.Self))
            LogViewIfNew();
        if (entered.IsReloading)
            LogReloading(Name, _core.Member.Self, view);
        _views.Publish(view);
    }

    private void LogViewIfNew()
    {
        if (_unlogged is { } view)
            LogView(Name, _core.Member.Self, view);
        _unlogged = null;
    }

    private void StartPlan(Plan plan)
    {
        var inquiry = plan.Inquiry;
        if (inquiry.Load.IsEmpty && View.Epoch > 0)
            LogLoadUnknown(Name, _core.Member.Self);
        _ = Task.Run(() =>
        {
            try
            {
                var (answer, bound) = Planning.Plan(_policy, inquiry, _services.Options, _weights.Weights.Manifest);
                Post(new Planned(plan.Operation, inquiry.View.Epoch, answer, bound, ""));
            }
            catch (Exception exception)
            {
                Post(new Planned(plan.Operation, inquiry.View.Epoch, null, 0, exception.Message));
            }
        });
    }

    private void ReportLoad(ReportExpertLoad report)
    {
        var load = _load.Next(report.Step);
        if (report.To == _core.Member.Self)
            Post(new MessageReceived(report.To, load));
        else
            _ = SendAsync(report.To, load);
    }

    private void Fail(Exception exception)
    {
        if (_failure is not null)
            return;
        _failure = exception;
        LogViewIfNew();
        LogFailed(exception, Name, _core.Member.Self);
        _exchange.Abort(new ElasticEpException(ElasticEpErrorCode.StepAborted, exception.Message, exception) { Rank = Rank });
        _ = _attempt.CancelAsync();
        _caller.Add(new CallerSignal(false, null, false, new ElasticEpException(ElasticEpErrorCode.GroupEnded, $"Rank {Rank} has failed: {exception.Message}", exception) { Rank = Rank }));
        _ = Dump(() => $"has failed: {exception}");
        End(exception);
    }
}
