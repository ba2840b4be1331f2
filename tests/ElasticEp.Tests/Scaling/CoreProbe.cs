using System.Collections.Immutable;
using ElasticEp.Events;
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

    private CoreProbe(int rank)
    {
        _rank = rank;
        Core = new RankCore(Options, rank);
    }

    public RankCore Core { get; }

    public GroupRecord Record { get; private set; } = GroupRecord.Unborn;

    public long Version { get; private set; } = 5;

    public TimeSpan Now { get; set; } = TimeSpan.FromSeconds(1);

    public List<RankEffect> Effects { get; } = [];

    public CoordinatorCore Coordinator => Core.Coordinator;

    public OperationPhase? Stage => Coordinator.Operation?.Stage;

    /// <summary>A rank of a running group [0 1] in view 1, its first step complete, idle, connected to everybody.</summary>
    public static CoreProbe Idle(int rank = 0)
    {
        var probe = new CoreProbe(rank) { Record = new GroupRecord(TestViews.View(1, 0, 1), [], null, null) };
        for (var peer = 0; peer < 4; peer++)
        {
            if (peer != rank)
                probe.Post(new RankEvent(RankEventKind.LinkUp) { Peer = peer, Number = peer + 1 });
        }

        probe.Message(0, new StartMessage(probe.Record.View, 1, "", 0));
        if (rank == 0)
            probe.AnswerRead();
        probe.Step();
        return probe;
    }

    public CoreProbe Post(RankEvent e)
    {
        Effects.Clear();
        Effects.AddRange(Core.Handle(e, Now));
        return this;
    }

    public CoreProbe Message(int from, ProtocolMessage message) => Post(new RankEvent(RankEventKind.Message) { Peer = from, Payload = message });

    public CoreProbe Ask(string id, int? size = null, OperationKind kind = OperationKind.Scale, int[]? remove = null) =>
        Message(-1, new OperationRequestMessage(new OperationRequest(id, kind) { Size = size, Remove = remove?.ToImmutableArray() }));

    public CoreProbe AnswerRead() => Post(new RankEvent(RankEventKind.RecordRead) { Payload = Record, Number = Version });

    /// <summary>The write under way happens, and is answered.</summary>
    public CoreProbe Write()
    {
        Apply();
        return Post(new RankEvent(RankEventKind.RecordWritten) { Flag = true, Number = Version });
    }

    /// <summary>The write under way happens, and its answer is lost.</summary>
    public void Apply()
    {
        Record = (GroupRecord)Assert.Single(Effects, effect => effect.Kind == RankEffectKind.WriteRecord).Payload!;
        Version++;
    }

    public void Overwrite(GroupRecord record) => (Record, Version) = (record, Version + 1);

    public CoreProbe Register(int rank) => Post(new RankEvent(RankEventKind.RankRegistered) { Peer = rank, Payload = TestViews.Member(rank) });

    /// <summary>Every member says what its tokens chose.</summary>
    public CoreProbe TellLoad(params long[] pairs)
    {
        foreach (var member in Record.View.Members)
            Message(member.Rank, new ExpertLoadMessage(Core.Member.LastCompleted, pairs.Length > 0 ? pairs : new long[SimPlanner.Experts]));
        return this;
    }

    public CoreProbe Plan(params int[] target) => Post(new RankEvent(RankEventKind.Planned)
    {
        Operation = Coordinator.Operation!.Id,
        Payload = SimPlanner.Plan(Record.View, target),
    });

    public CoreProbe Loaded() => Post(new RankEvent(RankEventKind.Loaded) { Operation = Coordinator.Operation!.Id });

    public CoreProbe Status(int from, PreparationState stage, string failure = "") =>
        Message(from, new PreparationMessage(Coordinator.Operation!.Id, stage, Coordinator.Operation.Next!.Digest, 0, 0, failure));

    /// <summary>Runs one step on this rank, with all StepEnds of the others.</summary>
    public void Step(GroupView? announced = null)
    {
        if (Core.Member.Phase == MemberPhase.Idle)
            Post(new RankEvent(RankEventKind.Wake) { Epoch = Core.Member.View.Epoch, Step = Core.Member.Step + 1 });
        var (view, step) = (Core.Member.View, Core.Member.Step);
        Post(new RankEvent(RankEventKind.CallerWaits));
        Post(new RankEvent(RankEventKind.ExchangesEnded) { Epoch = view.Epoch, Step = step });
        Post(new RankEvent(RankEventKind.DelegateReturned) { Epoch = view.Epoch, Step = step });
        foreach (var member in view.Members.Where(member => member.Rank != _rank))
        {
            var isAnnounced = announced is not null && member.Rank == view.Coordinator;
            Post(new RankEvent(RankEventKind.StepEnd)
            {
                Peer = member.Rank,
                Epoch = view.Epoch,
                Step = step,
                NextEpoch = isAnnounced ? announced!.Epoch : 0,
                NextDigest = isAnnounced ? announced!.Digest : 0,
            });
        }
    }

    /// <summary>Takes a growth to [0 1 2], or the departure of a rank, to a stage.</summary>
    public CoreProbe AdvanceTo(OperationPhase stage, int? leaver = null)
    {
        _ = leaver is { } rank ? Ask("op", remove: [rank]) : Ask("op", size: 3);
        if (Stage < stage)
            Write().TellLoad();
        if (leaver is null && Stage < stage)
            Register(2);
        if (Stage < stage)
            Plan(leaver is null ? [0, 1, 2] : [1 - leaver.Value]);
        if (Stage < stage)
            LoadEverywhere();
        if (leaver is { } leaving && Stage < stage && Stage == OperationPhase.Draining)
            _ = leaving == _rank ? Post(new RankEvent(RankEventKind.Drained) { Operation = "op" }) : Status(leaving, PreparationState.Drained);
        if (Stage < stage)
            Write();
        Assert.Equal(stage, Stage);
        return this;
    }

    public void LoadEverywhere()
    {
        var others = Coordinator.Operation!.Participants.Where(rank => rank != _rank).ToArray();
        foreach (var other in others)
            Status(other, PreparationState.Loaded);
        Loaded();
    }

    public IEnumerable<T> Sent<T>(int? to = null) => Effects
        .Where(effect => effect.Kind == RankEffectKind.Send && (to is null || effect.Peer == to))
        .Select(effect => effect.Payload).OfType<T>();

    public bool Has(RankEffectKind kind) => Effects.Exists(effect => effect.Kind == kind);
}
