using ElasticEp.Protocol;
using ElasticEp.Steps;
using ElasticEp.Transport;

namespace ElasticEp.Runtime;

/// <summary>What the rank reports of itself.</summary>
internal sealed partial class RankRuntime
{
    private long _movedAtTicks;
    private bool _wasAtRest = true;
    private long _completed;

    public RankStatus Status
    {
        get
        {
            if (_failure is { } failure)
                return new RankStatus("failed", false, false, failure.Message);
            var member = _core.Member;
            var still = _services.Time.GetElapsedTime(_startedAt) - TimeSpan.FromTicks(Volatile.Read(ref _movedAtTicks));
            return member.Phase switch
            {
                _ when member.IsLoadAwaited && (still < _services.Options.StallTime || _services.Options.LostExperts == LostExpertsPolicy.Wait) => new RankStatus(
                    "repairing", _services.Options.LostExperts == LostExpertsPolicy.Fail, true, $"loads experts of {View} from the workload's source, because their last copies were lost{(_core.Reloading.Trouble is { Length: > 0 } trouble ? $": {trouble}" : "")}"),
                MemberPhase.Due or MemberPhase.Running or MemberPhase.Closing when still >= _services.Options.StallTime =>
                    new RankStatus("stalled", false, true, $"no step was completed for {still.TotalSeconds:0.0} s: step {member.Step}, attempt {member.Attempt}, {(member.Phase == MemberPhase.Due ? "waits for the serving loop to call RunStepAsync" : "is under way")}"),
                MemberPhase.Parked => new RankStatus("joining", false, true, _core.Standby.State is { } standby ? $"waits to be admitted: {standby}" : "waits to be admitted"),
                MemberPhase.Gone => new RankStatus("left", false, true, "is not a member any more"),
                MemberPhase.Idle => new RankStatus("idle", true, true, $"{View}, step {member.LastCompleted} complete"),
                MemberPhase.Broken or MemberPhase.Stopping or MemberPhase.Stopped => new RankStatus("recovering", false, true, $"step {member.Step} is being run again"),
                _ => new RankStatus("serving", true, true, $"{View}, step {member.Step}, attempt {member.Attempt}"),
            };
        }
    }

    /// <summary>Notes, after each event, when this rank last got on: it completed a step, or it had none to run.</summary>
    private void NoteProgress(TimeSpan now)
    {
        var (isAtRest, completed) = (_core.Member.Phase is MemberPhase.Idle or MemberPhase.Parked or MemberPhase.Gone, _core.Member.LastCompleted);
        if (isAtRest || _wasAtRest || completed != _completed)
            Volatile.Write(ref _movedAtTicks, now.Ticks);
        (_wasAtRest, _completed) = (isAtRest, completed);
    }

    /// <summary>Called by the thread of the heartbeats: each field is read as it is.</summary>
    private (FrameHeader Header, ReadOnlyMemory<EpBuffer> Metadata) MakeBeat(TimeSpan lag)
    {
        var member = _core.Member;
        var activity = member.Phase switch
        {
            MemberPhase.Idle when member.IsReloading => RankActivity.IsReloading,
            _ when member.IsLoadAwaited => RankActivity.HasStep | RankActivity.IsReloading,
            MemberPhase.Due or MemberPhase.Running or MemberPhase.Closing => RankActivity.HasStep,
            MemberPhase.Broken or MemberPhase.Stopped => RankActivity.HasStep | RankActivity.IsRecovering,
            MemberPhase.Stopping => RankActivity.HasStep | RankActivity.IsRecovering | RankActivity.IsStopping,
            _ => RankActivity.None,
        };
        return ControlFrames.Beat(member.View.Epoch, Math.Max(0, member.LastCompleted), activity, lag, member.IsReloading ? _core.Reloading.Trouble : "");
    }

    private const int MostRecoveries = 16;

    /// <inheritdoc/>
    public RankStatistics GetStatistics()
    {
        var (exchange, wait) = _exchange.Times;
        var (dispatched, received) = _exchange.ReadLoad();
        return new RankStatistics
        {
            Steps = _clock.Steps,
            Retries = _clock.Retries,
            StepTime = _clock.StepTime,
            ExchangeTime = Elapsed(exchange),
            WaitTime = Elapsed(wait) + _clock.EndTime,
            ViewChanges = _clock.ViewChanges,
            LastPause = _clock.LastPause,
            StaleFrames = _exchange.StaleFrames,
            WeightBytesReceived = _weights.Weights.BytesReceived,
            WeightBytesLoaded = _weights.Weights.BytesLoaded,
            Waits = Waits(),
            Recoveries = _recoveries,
            DispatchedRows = dispatched,
            ReceivedRows = received,
        };
    }

    private SourceWaitStatistics[] Waits() =>
    [
        .. Enumerable.Range(0, _services.Options.MaxRanks)
            .Select(rank => (rank, wait: _exchange.GetWait(rank)))
            .Where(source => source.wait.Frames > 0)
            .Select(source => new SourceWaitStatistics(source.rank, source.wait.Frames, Elapsed(source.wait.SumTicks), Elapsed(source.wait.MaxTicks))),
    ];

    private TimeSpan Elapsed(long ticks) => _services.Time.GetElapsedTime(0, ticks);
}
