using ElasticEp.Hosting.Launching;
using ElasticEp.Protocol;
using ElasticEp.Tests.Membership;

namespace ElasticEp.Tests.Hosting;

/// <summary>A launch core of a group that begins with ranks [0 1], and the times at which it is told what.</summary>
internal sealed class LaunchProbe(int standbys = 0)
{
    public static readonly TimeSpan StartDeadline = TimeSpan.FromMinutes(5);

    private readonly LaunchCore _core = new(new LaunchPlan("chat", initialRanks: 2, maxRanks: 5, standbys), StartDeadline);
    private readonly Dictionary<int, long> _launches = [];
    private TimeSpan _now;
    private long _incarnations;

    /// <summary>Seconds since the launcher started.</summary>
    public double Now
    {
        get => _now.TotalSeconds;
        set => _now = TimeSpan.FromSeconds(value);
    }

    /// <summary>What the last event has brought about.</summary>
    public List<LaunchEffect> Effects { get; } = [];

    /// <summary>In seconds; null for never.</summary>
    public double? WakeAt => _core.WakeAt?.TotalSeconds;

    public IEnumerable<string> Started => Of<LaunchEffect.Start>().Select(start => $"{start.Rank.Rank} {start.Rank.Operation}");

    public IEnumerable<int> Stopped => Of<LaunchEffect.Stop>().Select(stop => stop.Rank);

    public IEnumerable<int> Cancelled => Of<LaunchEffect.Cancel>().Select(cancel => cancel.Rank);

    /// <summary>Reports of joiners that could not be started, each with whom it goes to.</summary>
    public IEnumerable<string> Reports => Of<LaunchEffect.ReportLaunchFailure>().Select(report => $"{report.Coordinator.Rank}: {report.Operation} {report.Rank} {report.Reason}");

    /// <summary>A group [0 1] whose processes run.</summary>
    public static LaunchProbe Serving(int standbys = 0, GroupRecord? record = null)
    {
        var probe = new LaunchProbe(standbys).See(GroupRecord.Unborn).Run(0).Run(1);
        return probe.See(record ?? Group(0, 1));
    }

    public static GroupRecord Group(params int[] ranks) => GroupRecord.Unborn with { View = TestViews.View(3, ranks), Wanted = ranks.Length, Own = Born };

    /// <summary>The group with an operation that lets ranks join.</summary>
    public static GroupRecord Growing(string operation, params int[] joiners) => Group(0, 1) with
    {
        Pending = new PendingOperation(new OperationRequest(operation, OperationKind.Scale), [0, 1, .. joiners], [.. joiners], []),
    };

    private static OutcomeLog Born => OutcomeLog.Empty.Add(new OperationOutcome(OperationRequest.BirthId, true, "", new OperationFigures()));

    public IEnumerable<T> Of<T>()
        where T : LaunchEffect => Effects.OfType<T>();

    public LaunchProbe See(GroupRecord record) => Post(new LaunchEvent.Record(record));

    /// <summary>It runs, and registers at once unless it hangs.</summary>
    public LaunchProbe Run(int rank, bool hangs = false)
    {
        Post(new LaunchEvent.Started(rank, _launches[rank]));
        if (!hangs)
            _core.Handle(new LaunchEvent.Registered(new MemberId(rank, ++_incarnations)), _now, Effects);
        return this;
    }

    public LaunchProbe Fail(int rank, string reason = "no memory") => Post(new LaunchEvent.Failed(rank, _launches[rank], reason));

    public LaunchProbe End(int rank) => Post(new LaunchEvent.Ended(rank, _launches[rank], 100 + rank, "exited with code 3"));

    public LaunchProbe Stop(int rank, string? failure = null) => Post(new LaunchEvent.Stopped(rank, _launches[rank], failure));

    /// <summary>The timer runs when it is wanted.</summary>
    public LaunchProbe Wake()
    {
        _now = _core.WakeAt ?? throw new InvalidOperationException("It wants no tick.");
        return Tick();
    }

    public LaunchProbe Tick() => Post(new LaunchEvent.Tick());

    public LaunchProbe Post(LaunchEvent e)
    {
        Effects.Clear();
        _core.Handle(e, _now, Effects);
        foreach (var start in Of<LaunchEffect.Start>())
            _launches[start.Rank.Rank] = start.Launch;
        return this;
    }
}
