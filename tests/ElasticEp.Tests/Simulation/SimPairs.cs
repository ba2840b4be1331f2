using ElasticEp.Events;
using ElasticEp.Protocol;
using ElasticEp.TestKit;

namespace ElasticEp.Tests.Simulation;

/// <summary>Every fault point during everything that a group can be about: enough seeds must have killed a process at each, those excepted that are listed here with a reason.</summary>
internal static class SimPairs
{
    private const string Rare = "takes a coincidence: a link or a rank that is lost at the same time";

    private static readonly SimOccasion[] All = Enum.GetValues<SimOccasion>();

    private static readonly (string Reason, string[] Points, SimOccasion[] Occasions)[] Exceptions =
    [
        ("nothing is prepared while no operation is under way", ["allocation", "inside transfer", nameof(Fetch), nameof(Plan), nameof(PrepareMessage), nameof(PreparationMessage), nameof(ExpertLoadRequestMessage), nameof(Rollback)], [SimOccasion.Steps]),
        ("no step has been run, and there is nothing to go back to", [nameof(StepEffectKind.SendWake), nameof(ExpertLoadRequestMessage), nameof(ProgressMessage), nameof(ReportExpertLoad), nameof(ShowBalance), nameof(ShowRecovery), nameof(Rollback)], [SimOccasion.Birth]),
        ("the end of a group plans nothing, loads nothing and starts nobody", ["allocation", "inside transfer", nameof(Fetch), nameof(Plan), nameof(ExpertLoadRequestMessage), nameof(ReportExpertLoad), nameof(ShowBalance), nameof(ShowRecovery), nameof(StartMessage), nameof(ViewCompleted), nameof(ReadRecord)], [SimOccasion.Stop]),
        ("a recovery prepares nothing", ["allocation", "inside transfer", nameof(Fetch), nameof(Plan), nameof(PrepareMessage), nameof(PreparationMessage), nameof(ExpertLoadRequestMessage), nameof(ProgressMessage), nameof(Rollback)], [SimOccasion.Recovery]),
        ("an attempt that has failed does nothing more of its step", ["inside StepEnd", "inside dispatch", "between payload and StepEnd", nameof(StepEffectKind.SendStepEnd), nameof(StepEffectKind.SendWake), nameof(StepEffectKind.RunDelegate)], [SimOccasion.Recovery]),
        ("it is over when the next view is entered", [nameof(EnterView), nameof(ViewCompleted), nameof(ShowBalance), nameof(ShowRecovery)], [SimOccasion.Recovery]),
        ("it follows from an attempt that has failed, which makes the occasion a recovery", [nameof(AbortAttempt), nameof(Fence), nameof(StopMessage), nameof(StoppedMessage), nameof(StepFailedMessage), nameof(ShowLoss)], [.. All.Where(occasion => occasion != SimOccasion.Recovery)]),
        ("only leavers drain", [nameof(Drain), nameof(DrainMessage)], [SimOccasion.Steps, SimOccasion.Birth, SimOccasion.Growth, SimOccasion.Repair, SimOccasion.Recovery, SimOccasion.Stop]),
        ("few seeds have a leaver that another rank coordinates and that stays connected", [nameof(DrainMessage)], [SimOccasion.Shrinking, SimOccasion.Exchange, SimOccasion.Leave]),
        ("only a rank that leaves requests anything itself", [nameof(DeliverReply)], [.. All.Where(occasion => occasion != SimOccasion.Leave)]),
        ("a rank begins to watch when it comes to lead", [nameof(WatchRanks)], [.. All.Where(occasion => occasion != SimOccasion.Birth)]),
        ("the record is read by who comes to lead or is in doubt", [nameof(ReadRecord)], [SimOccasion.Steps, SimOccasion.Growth, SimOccasion.Shrinking, SimOccasion.Exchange, SimOccasion.Leave, SimOccasion.Repair]),
        ("a rank ends when the operation that has removed it is over", [nameof(RankEnded)], [SimOccasion.Birth, SimOccasion.Growth, SimOccasion.Shrinking, SimOccasion.Exchange, SimOccasion.Leave, SimOccasion.Repair, SimOccasion.Recovery]),
        ("all are connected already", [nameof(Dial)], [SimOccasion.Shrinking, SimOccasion.Leave, SimOccasion.Repair]),
        ("a view that is announced starts joiners only", [nameof(StartMessage)], [SimOccasion.Shrinking, SimOccasion.Leave, SimOccasion.Repair]),
        ("it takes no time, or comes seldom", [nameof(ViewCompleted), nameof(StepEffectKind.SendWake), nameof(BeatTo), nameof(ShowRecovery)], [SimOccasion.Steps, SimOccasion.Shrinking, SimOccasion.Exchange, SimOccasion.Leave, SimOccasion.Repair, SimOccasion.Recovery]),
        (Rare, [nameof(AbortLink), nameof(AbortMessage), nameof(CompletedMessage), nameof(Disconnect), nameof(LoadedMessage), nameof(OperationReplyMessage), nameof(ProbeMessage), nameof(ProbeReplyMessage), nameof(Reload), nameof(ShowReloadTrouble)], All),
        ("a standby announces what it holds when no operation wants it", [nameof(AnnounceStandby)], [SimOccasion.Birth, SimOccasion.Growth, SimOccasion.Shrinking, SimOccasion.Exchange, SimOccasion.Leave, SimOccasion.Recovery, SimOccasion.Stop]),
        ("nobody has requested a repair, so nobody hears of its progress", [nameof(ProgressMessage)], [SimOccasion.Repair]),
        ("clients and launchers send it", [nameof(OperationRequestMessage), nameof(CancelMessage), nameof(ProcessEndedMessage)], All),
        ("its effect is ReportExpertLoad", [nameof(ExpertLoadMessage)], All),
    ];

    /// <summary>The pairs that enough seeds must have tried.</summary>
    public static IReadOnlyList<(string Point, SimOccasion Occasion)> Expected { get; } =
        [.. FaultPointList.All.SelectMany(point => All.Where(occasion => ReasonOf(point, occasion) is null).Select(occasion => (point, occasion)))];

    /// <summary>Why a pair need not have been tried, or null.</summary>
    public static string? ReasonOf(string point, SimOccasion occasion) =>
        Exceptions.FirstOrDefault(row => row.Occasions.Contains(occasion) && row.Points.Any(name => point == name || point.EndsWith($" {name}", StringComparison.Ordinal))).Reason;
}
