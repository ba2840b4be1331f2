using ElasticEp.Steps;

namespace ElasticEp.Runtime;

/// <summary>What the rank reports of itself.</summary>
internal sealed partial class RankRuntime
{
    public RankStatus Status
    {
        get
        {
            if (_failure is { } failure)
                return new RankStatus("failed", false, false, failure.Message);
            var member = _core.Member;
            return member.Phase switch
            {
                MemberPhase.Parked => new RankStatus("joining", false, true, "waits to be admitted"),
                MemberPhase.Gone => new RankStatus("left", false, true, "is not a member any more"),
                MemberPhase.Idle => new RankStatus("idle", true, true, $"{View}, step {member.LastCompleted} complete"),
                MemberPhase.Broken or MemberPhase.Stopping or MemberPhase.Stopped => new RankStatus("recovering", false, true, $"step {member.Step} is being run again"),
                _ => new RankStatus("serving", true, true, $"{View}, step {member.Step}, attempt {member.Attempt}"),
            };
        }
    }

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
