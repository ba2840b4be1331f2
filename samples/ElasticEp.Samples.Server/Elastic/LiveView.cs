using ElasticEp.Samples.Server.Metrics;
using ElasticEp.Samples.Serving;
using Microsoft.Extensions.Options;

namespace ElasticEp.Samples.Server.Elastic;

/// <summary>Puts together what the group, the front end and the ranks' reports say.</summary>
internal sealed class LiveView(
    IElasticGroupClient group, IGroupMonitor monitor, FrontEnd frontEnd, RankReports reports, ScaleOperations operations, ServingMetrics metrics, ServedModel model, IOptionsMonitor<ElasticEpOptions> options, TimeProvider time)
{
    private const int ShownOperations = 10;

    private static readonly TimeSpan MaxReportAge = TimeSpan.FromSeconds(2.5); // an idle rank does not report

    private readonly Lock _lock = new();
    private (long Tokens, long Gaps, TimeSpan Sum, long[] Durations) _before = (0, 0, TimeSpan.Zero, []);
    private long _beforeAt = time.GetTimestamp();
    private (double Tokens, LiveGaps? Gaps) _rates;

    public LiveState Read()
    {
        var (view, status, setup) = (group.View, monitor.GetStatus(), options.Get(GroupSetup.GroupName));
        var ranks = status.Ranks.Select(rank => Describe(view.Placement, rank)).ToArray();
        var loads = view.Members.Select(member => FreshReport(member.Rank)?.ReceivedRows).ToArray();
        var balancedness = BalancednessOf([.. ranks.Where(rank => rank.Load.Count > 0).Select(rank => rank.Load)]);
        var rates = Rates();
        return new LiveState
        {
            Time = time.GetUtcNow().ToUnixTimeMilliseconds() / 1000.0,
            Model = model.Id,
            Epoch = view.Epoch,
            Coordinator = view.Coordinator,
            MaxRanks = setup.MaxRanks,
            Standbys = setup.Standbys,
            StandbyRanks = [.. status.Standbys.Select(standby => new LiveStandby(standby.Rank, standby.ProcessId, standby.Reason))],
            Health = new LiveHealth(status.Phase, status.IsReady, Seconds(status.Since), status.Detail),
            Ranks = ranks,
            Experts = Experts(view.Placement, loads),
            TokensPerSecond = rates.Tokens,
            ItlMs = rates.Gaps,
            Running = frontEnd.Outstanding - frontEnd.Queued,
            Queued = frontEnd.Queued,
            Balancedness = balancedness.Length == 0 ? null : balancedness.Average(),
            LayerBalancedness = balancedness,
            HandedBackRequests = frontEnd.HandBacks,
            Operation = LiveOperation.Of(operations.Running, time),
            Operations = [.. operations.History().Take(ShownOperations)],
        };
    }

    /// <summary>Mean ÷ highest load of a rank for each layer, ascending; layers without load do not count.</summary>
    /// <param name="loads">Rows per rank and layer.</param>
    public static double[] BalancednessOf(IReadOnlyList<IReadOnlyList<long>> loads)
    {
        var layers = loads.Count == 0 ? 0 : loads[0].Count;
        return
        [
            .. Enumerable.Range(0, layers)
                .Select(layer => loads.Select(rank => rank[layer]).ToArray())
                .Where(layer => layer.Max() > 0)
                .Select(layer => layer.Average() / layer.Max())
                .Order(),
        ];
    }

    private static double Seconds(DateTimeOffset time) => time.ToUnixTimeMilliseconds() / 1000.0;

    /// <param name="placement">What the view's members hold.</param>
    /// <param name="rank">A member, or one that comes or goes: that one holds nothing.</param>
    private LiveRank Describe(ExpertPlacement placement, RankState rank)
    {
        var isMember = placement.Ranks.Contains(rank.Rank);
        var layers = isMember ? placement.Layers : 0;
        var (pair, fresh) = isMember ? (reports.Find(rank.Rank), FreshReport(rank.Rank)) : (null, null);
        var step = fresh?.StepMilliseconds;
        var rows = fresh?.ReceivedRows;
        var isLeaving = rank is { Condition: RankCondition.Serving, Member: { } member } && frontEnd.IsLeaving(member.Id);
        return new LiveRank
        {
            Rank = rank.Rank,
            Incarnation = rank.Member?.Incarnation ?? 0,
            Address = rank.Member?.Address ?? "",
            Node = rank.Member?.Node ?? "",
            State = (isLeaving ? RankCondition.Leaving : rank.Condition).ToString().ToLowerInvariant(),
            Since = Seconds(rank.Since),
            Reason = isLeaving ? "it takes no new requests" : rank.Reason,
            ProcessId = rank.ProcessId,
            Running = fresh is null ? pair is null ? null : 0 : fresh.Last.Running,
            Waiting = fresh is null ? pair is null ? null : 0 : fresh.Last.Waiting,
            Steps = pair?.Last.Steps,
            TokensPerSecond = fresh is null ? 0 : fresh.TokensPerSecond,
            StepMs = step?.Step,
            ComputeMs = step is { } parts ? Math.Max(0, parts.Step - parts.Exchange - parts.Wait) : null,
            ExchangeMs = step?.Exchange,
            WaitMs = step?.Wait,
            LastPauseMs = pair?.Last.LastPauseSeconds * 1000,
            KvUsage = pair?.Last.CacheUsage,
            Slots = [.. Enumerable.Range(0, layers).Select(layer => placement.GetSlots(layer, rank.Rank).ToArray())],
            Load = [.. Enumerable.Range(0, layers).Select(layer => rows is null ? 0 : rows.AsSpan(layer * placement.Experts, placement.Experts).ToArray().Sum())],
            StepDurations = pair?.Last.StepDurations,
        };
    }

    private ReportPair? FreshReport(int rank) => reports.Find(rank) is { } pair && reports.AgeOf(pair) < MaxReportAge ? pair : null;

    private static LiveExperts Experts(ExpertPlacement placement, IReadOnlyList<long[]?> loads)
    {
        var load = Enumerable.Range(0, placement.Layers).Select(_ => new long[placement.Experts]).ToArray();
        foreach (var rows in loads.Where(rows => rows?.Length == placement.Layers * placement.Experts))
        {
            for (var i = 0; i < rows!.Length; i++)
                load[i / placement.Experts][i % placement.Experts] += rows[i];
        }

        return new LiveExperts(placement.Layers, placement.Experts, load);
    }

    /// <summary>Tokens a second and their gaps over the last second or so, whoever asks how often.</summary>
    private (double Tokens, LiveGaps? Gaps) Rates()
    {
        lock (_lock)
        {
            var elapsed = time.GetElapsedTime(_beforeAt);
            if (elapsed < TimeSpan.FromSeconds(0.9))
                return _rates;
            var now = metrics.Gaps.Read();
            var gaps = now.Gaps - _before.Gaps;
            _rates = ((now.Tokens - _before.Tokens) / elapsed.TotalSeconds, gaps == 0
                ? null
                : new LiveGaps((now.Sum - _before.Sum).TotalMilliseconds / gaps, DurationHistogram.Quantile(_before.Durations, now.Durations, 0.99).TotalMilliseconds));
            (_before, _beforeAt) = (now, time.GetTimestamp());
            return _rates;
        }
    }
}
