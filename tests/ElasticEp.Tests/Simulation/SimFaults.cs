using ElasticEp.Events;
using ElasticEp.Protocol;
using ElasticEp.Runtime;
using ElasticEp.Steps;
using ElasticEp.TestKit;

namespace ElasticEp.Tests.Simulation;

/// <summary>Kills one process at a named point, while the group is about something. Which point and what follows from the seed, so that many seeds try all.</summary>
internal sealed class SimFaults
{
    private const int MostReloadTroubles = 5;

    private readonly Simulation _world;
    private readonly string _point;
    private readonly bool _isChoosy; // otherwise any operation or recovery will do
    private int _skipped;
    private int _reloadTroubles;

    public SimFaults(Simulation world, ulong seed)
    {
        _world = world;
        var pairs = (ulong)(FaultPointList.All.Count * Occasions.Length);
        var pair = seed * 2_654_435_761 % pairs; // neighbours differ in both
        (_point, Occasion) = (FaultPointList.All[(int)(pair / (ulong)Occasions.Length)], Occasions[pair % (ulong)Occasions.Length]);
        IsSecond = Occasion == SimOccasion.Repair || Array.Exists(AfterLosses, name => _point.EndsWith(name, StringComparison.Ordinal));
        IsArmed = world.Random.Chance(Occasion == SimOccasion.Repair ? 1 : 0.75); // few seeds come that far
        _isChoosy = world.Random.Chance(0.8);
        _skipped = world.Random.Pick<int>([0, 0, 0, 0, Occasion == SimOccasion.Repair ? 0 : 1]);
    }

    private static readonly string[] AfterLosses = [nameof(AbortLink), nameof(ShowLoss), nameof(ProbeMessage), nameof(ProbeReplyMessage), nameof(Reload), nameof(ShowReloadTrouble), nameof(LoadedMessage)];

    public static SimOccasion[] Occasions { get; } = Enum.GetValues<SimOccasion>();

    /// <summary>Whether a process is yet to be killed so; at most one is in a seed.</summary>
    public bool IsArmed { get; private set; }

    /// <summary>During what it is to be killed, if there is a choice.</summary>
    public SimOccasion Occasion { get; }

    /// <summary>Whether nobody comes to the point but after a severe fault.</summary>
    public bool IsSecond { get; }

    /// <summary>Whether nobody comes to the point but when experts whose last copy died cannot be loaded again at once.</summary>
    public bool NeedsReloadTrouble => IsArmed && _point.EndsWith(nameof(ShowReloadTrouble), StringComparison.Ordinal);

    /// <summary>Whether a load is to fail for that, as it may a few times.</summary>
    public bool TakeReloadTrouble() => NeedsReloadTrouble && _reloadTroubles++ < MostReloadTroubles;

    /// <summary>Whether a severe fault is to come soon, because few seeds come to the point otherwise.</summary>
    public bool NeedsKill => IsArmed && (Occasion == SimOccasion.Repair || NeedsReloadTrouble);

    /// <summary>A process is at a point.</summary>
    /// <returns>Whether it has been killed there.</returns>
    public bool Reach(SimRank rank, string point)
    {
        if (!IsArmed || point != _point)
            return false;
        var occasion = OccasionOf(rank);
        var isMeant = occasion == Occasion || (IsSecond && Occasion != SimOccasion.Repair) || (!_isChoosy && occasion is not (SimOccasion.Steps or SimOccasion.Birth));
        if (!isMeant || !_world.MayDieAtAPoint(rank, IsSecond) || _skipped-- > 0)
            return false;
        IsArmed = false;
        _world.Trace.Note(rank.Rank, $"dies {point}, during {occasion}");
        _world.Coverage.Add(point, occasion);
        _world.KillAtAPoint(rank);
        return true;
    }

    private SimOccasion OccasionOf(SimRank rank)
    {
        if (rank.Core.Coordinator.Recovery is not null || rank.Core.Member.Phase is MemberPhase.Stopping or MemberPhase.Stopped or MemberPhase.Broken)
            return SimOccasion.Recovery;
        return _world.Store.Record switch
        {
            { Pending.Kind: OperationKind.Stop } or { View.IsTerminal: true } => SimOccasion.Stop,
            { Pending.Kind: OperationKind.Birth } or { View.Epoch: 0 } => SimOccasion.Birth,
            { Pending.Kind: OperationKind.Leave } => SimOccasion.Leave,
            { Pending.Kind: OperationKind.Repair } => SimOccasion.Repair,
            { Pending: { Joiners.IsEmpty: false, Leavers.IsEmpty: false } } => SimOccasion.Exchange,
            { Pending.Joiners.IsEmpty: false } => SimOccasion.Growth,
            { Pending.Leavers.IsEmpty: false } => SimOccasion.Shrinking,
            _ => SimOccasion.Steps,
        };
    }
}
