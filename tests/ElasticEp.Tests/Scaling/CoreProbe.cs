using System.Collections.Immutable;
using ElasticEp.Events;
using ElasticEp.Placement;
using ElasticEp.Protocol;
using ElasticEp.Runtime;
using ElasticEp.Scaling;
using ElasticEp.Steps;
using ElasticEp.Tests.Membership;
using ElasticEp.Tests.Simulation;

namespace ElasticEp.Tests.Scaling;

/// <summary>The whole core of one rank of a group [0 1], with a store that answers when it is told to.</summary>
internal sealed class CoreProbe
{
    public const int LoadWindow = 4;

    public static readonly ElasticEpOptions Options = new()
    {
        LoadWindow = LoadWindow,
        MaxRanks = 6,
        InitialRanks = 2,
        SlotsPerRank = SimPlanner.Experts,
        Model = new MoeModelShape { Experts = SimPlanner.Experts, MoeLayers = 1, TopK = 1, HiddenSize = 16 },
    };

    private readonly int _rank;
    private long _stamp;
    private ulong _fetched; // the view that this rank was to fetch for last

    private CoreProbe(int rank)
    {
        _rank = rank;
        Core = new RankCore(Options, TestViews.Id(rank));
    }

    public RankCore Core { get; }

    public GroupRecord Record { get; private set; } = GroupRecord.Unborn;

    public long Version { get; private set; } = 5;

    /// <summary>Of the last request to the store.</summary>
    public long Stamp => _stamp;

    public TimeSpan Now { get; set; } = TimeSpan.FromSeconds(1);

    public List<RankEffect> Effects { get; } = [];

    public CoordinatorCore Coordinator => Core.Coordinator;

    public OperationPhase? Phase => Coordinator.Operation?.Phase;

    /// <summary>How the last operation that somebody requested ended.</summary>
    public OperationOutcome Outcome => Record.Requested.Kept[^1];

    /// <summary>A rank of a running group [0 1] in view 1, its first step complete, idle, connected to everybody.</summary>
    public static CoreProbe Idle(int rank = 0, Func<GroupRecord, GroupRecord>? change = null)
    {
        var record = new GroupRecord(TestViews.View(1, 0, 1));
        var probe = new CoreProbe(rank) { Record = change?.Invoke(record) ?? record };
        for (var peer = 0; peer < 4; peer++)
        {
            if (peer != rank)
                probe.LinkUp(peer);
        }

        probe.Message(0, new StartMessage(probe.Record.View, 1, "", 0));
        if (rank == 0)
            probe.AnswerRead();
        probe.Step();
        return probe;
    }

    /// <summary>Rank 0 of a group that is to be born, while its birth waits for rank 1.</summary>
    public static CoreProbe Unborn()
    {
        var probe = new CoreProbe(0) { Version = 0 };
        probe.Post(new BirthRequested()).AnswerRead().Write();
        return probe.Register(0);
    }

    /// <summary>Rank 0, before it is to bring the group into being.</summary>
    public static CoreProbe Fresh() => new(0) { Version = 0 };

    /// <summary>Rank 0, started again before the birth in the record came to its first view.</summary>
    public static CoreProbe Reborn(GroupRecord record)
    {
        var probe = new CoreProbe(0) { Record = record, Version = 1 };
        return probe.Post(new BirthRequested()).AnswerRead();
    }

    /// <summary>A rank that is in the record's view, and that nobody has let in yet; connected to everybody.</summary>
    public static CoreProbe Waiting(int rank, GroupRecord record)
    {
        var probe = new CoreProbe(rank) { Record = record };
        probe.Post(new RecordSeen(record));
        foreach (var member in record.View.Members.Concat(record.Leavers).Where(member => member.Rank != rank))
            probe.LinkUp(member.Rank);
        return probe;
    }

    public CoreProbe Post(RankEvent e)
    {
        Effects.Clear();
        Effects.AddRange(Core.Handle(e, Now));
        _fetched = Of<Fetch>().LastOrDefault()?.Plan.Next.Digest ?? _fetched;
        _stamp = Of<ReadRecord>().Select(read => read.Stamp).Concat(Of<WriteRecord>().Select(write => write.Stamp)).Append(_stamp).Max();
        return this;
    }

    public CoreProbe Message(int from, ProtocolMessage message) => Post(new MessageReceived(from < 0 ? new MemberId(from, 1) : TestViews.Id(from), message));

    public CoreProbe LinkUp(int peer) => Post(new LinkUp(TestViews.Id(peer)));

    public CoreProbe LoseLink(int peer) => Post(new LinkLost(TestViews.Id(peer), ElasticEp.Transport.DisconnectReason.Reset, "reset"));

    public CoreProbe Lose(int peer) => Post(new DialEnded(TestViews.Id(peer), DialResult.Refused, "nobody listens"));

    public CoreProbe Request(string id, int? size = null, OperationKind kind = OperationKind.Scale, int[]? remove = null, long call = 0, long endedBefore = 0) =>
        Message(-1, new OperationRequestMessage(new OperationRequest(id, kind) { Size = size, Remove = remove?.ToImmutableArray(), Call = call, EndedBefore = endedBefore }));

    public CoreProbe Cancel(string id, long call = 0) => Message(-1, new CancelMessage(id, call));

    /// <summary>One heartbeat's time passes, and every connected peer sends one.</summary>
    public CoreProbe Beat()
    {
        Now += Options.HeartbeatInterval;
        foreach (var peer in Core.Peers.Connected.ToArray())
            Post(new BeatReceived(peer));
        return Post(RankEvent.Tick);
    }

    public CoreProbe AnswerRead() => Post(new RecordRead(Stamp, Record, Version));

    /// <summary>The store has lost the record, and holds this one, or none.</summary>
    public CoreProbe AnswerLost(GroupRecord? instead = null, long version = 0)
    {
        Version = version;
        return Post(new RecordRead(Stamp, instead, version));
    }

    /// <summary>The store does not answer, until it is asked again.</summary>
    public CoreProbe AnswerUnknown()
    {
        Post(new RecordUnknown(Stamp));
        Assert.False(Has<ReadRecord>());
        Now = Coordinator.WakeAt ?? Now;
        return Post(RankEvent.Tick);
    }

    /// <summary>The write under way happens, and is answered.</summary>
    public CoreProbe Write()
    {
        Apply();
        return Post(new RecordWritten(Stamp, true, null, Version));
    }

    /// <summary>The write under way happens, and its answer is lost.</summary>
    public void Apply()
    {
        Record = Assert.Single(Of<WriteRecord>()).Record;
        Version++;
    }

    /// <summary>Somebody else writes the record.</summary>
    public void Overwrite(GroupRecord record) => (Record, Version) = (record, Version + 1);

    /// <summary>The write under way is refused, because the record is another one.</summary>
    public CoreProbe AnswerRefused() => Post(new RecordWritten(Stamp, false, Record, Version));

    public CoreProbe Register(int rank) => Post(new RankRegistered(TestViews.Member(rank)));

    /// <summary>Every member reports what its tokens chose.</summary>
    public CoreProbe ReportLoad(params long[] pairs)
    {
        foreach (var member in Record.View.Members)
            Message(member.Rank, new ExpertLoadMessage(Core.Member.LastCompleted, pairs.Length > 0 ? pairs : new long[SimPlanner.Experts]));
        return this;
    }

    public CoreProbe Plan(params int[] target) => Plan(SimPlanner.Plan(Record.View, target));

    public CoreProbe Plan(PlacementPlan plan) => Post(new Planned(Coordinator.Operation!.Id, Coordinator.Operation.PlannedFrom, plan, 0, ""));

    public CoreProbe Fetched() => Post(new Fetched(Coordinator.Operation!.Id, _fetched));

    public CoreProbe Report(int from, PreparationState state, string failure = "", long moved = 0) =>
        Message(from, new PreparationMessage(Coordinator.Operation!.Id, state, Coordinator.Operation.Next!.Digest, moved, moved, failure));

    /// <summary>A participant says that it is in another view than the base.</summary>
    public CoreProbe Refuse(int from) =>
        Message(from, new PreparationMessage(Coordinator.Operation!.Id, PreparationState.Fetching, Coordinator.Operation.Next!.Digest, 0, 0, $"rank {from} is in another view") { Refusal = PreparationRefusal.OtherBase });

    /// <summary>Runs one step on this rank, with all StepEnds of the others.</summary>
    public void Step(GroupView? announced = null)
    {
        if (Core.Member.Phase == MemberPhase.Idle)
            Post(RankEvent.Wake(Core.Member.View.Members[0].Id, Core.Member.View.Epoch, Core.Member.Step + 1));
        var (view, step) = (Core.Member.View, Core.Member.Step);
        Post(RankEvent.CallerWaits);
        Post(RankEvent.ExchangesEnded);
        Post(RankEvent.DelegateReturned(view.Epoch, step));
        foreach (var member in view.Members.Where(member => member.Rank != _rank))
        {
            var next = member.Rank == view.Coordinator ? announced : null;
            Post(RankEvent.StepEnd(member.Id, view.Epoch, step, false, next?.Epoch ?? 0, next?.Digest ?? 0));
        }
    }

    /// <summary>Takes a growth to [0 1 2], or the departure of a rank, to a phase.</summary>
    public CoreProbe AdvanceTo(OperationPhase phase, int? leaver = null)
    {
        _ = leaver is { } rank ? Request("op", remove: [rank]) : Request("op", size: 3);
        if (Phase < phase)
            Write().ReportLoad();
        if (leaver is null && Phase < phase)
            Register(2);
        if (Phase < phase)
            Plan(leaver is null ? [0, 1, 2] : [1 - leaver.Value]);
        if (Phase < phase)
            FetchEverywhere();
        if (leaver is { } leaving && Phase < phase && Phase == OperationPhase.Draining)
            _ = leaving == _rank ? Post(new Drained("op")) : Report(leaving, PreparationState.Drained);
        if (Phase < phase)
            Write();
        Assert.Equal(phase, Phase);
        return this;
    }

    public void FetchEverywhere()
    {
        var others = Coordinator.Operation!.Participants.Where(participant => participant.Rank != _rank).ToArray();
        foreach (var other in others)
            Report(other.Rank, PreparationState.Ready);
        if (Phase == OperationPhase.Preparing)
            Fetched();
    }

    public IEnumerable<T> Sent<T>(int? to = null) => Of<SendMessage>().Where(send => to is null || send.To.Rank == to).Select(send => send.Message).OfType<T>();

    public IEnumerable<T> Of<T>()
        where T : ControlEffect => Effects.Select(effect => effect.Control).OfType<T>();

    public bool Has<T>()
        where T : ControlEffect => Of<T>().Any();

    public bool Has(StepEffectKind kind) => Effects.Exists(effect => effect.Kind == kind);
}
