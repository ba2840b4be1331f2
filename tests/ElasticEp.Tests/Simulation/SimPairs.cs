using ElasticEp.Events;
using ElasticEp.Protocol;
using ElasticEp.TestKit;

namespace ElasticEp.Tests.Simulation;

/// <summary>Every fault point during everything that a group can be about: enough seeds must have killed a process at each, those excepted that are listed here with a reason.</summary>
internal static class SimPairs
{
    private const string Rare = "takes a coincidence: a link that was lost, or a rank that was lost or restarted, at the same time";

    private static readonly SimOccasion[] All = Enum.GetValues<SimOccasion>();
    private static readonly SimOccasion[] AllButRecovery = [.. All.Where(occasion => occasion != SimOccasion.Recovery)];

    private static readonly (string Reason, string[] Points, SimOccasion[] Occasions)[] Exceptions =
    [
        ("nothing is prepared while no operation is under way", ["before allocation", "inside transfer", nameof(Fetch), nameof(Plan), nameof(PrepareMessage), nameof(PreparationMessage), nameof(ProgressMessage), nameof(ExpertLoadRequestMessage)], [SimOccasion.Steps]),
        ("only leavers drain", [nameof(Drain), nameof(DrainMessage)], [SimOccasion.Steps, SimOccasion.Birth, SimOccasion.Growth, SimOccasion.Repair, SimOccasion.Recovery]),
        ("nobody else decides on a leave that is under way, or on an exchange", [nameof(DrainMessage)], [SimOccasion.Leave, SimOccasion.Exchange]),
        ("it follows from an attempt that has failed, which makes the occasion a recovery", [nameof(AbortAttempt), nameof(Fence), nameof(StopMessage), nameof(StoppedMessage), nameof(StepFailedMessage)], AllButRecovery),
        ("an attempt that has failed does nothing more of its step", ["inside StepEnd", "inside dispatch", "between dispatch and combine", "between payload and StepEnd", nameof(StepEffectKind.SendStepEnd), nameof(StepEffectKind.SendWake), nameof(StepEffectKind.RunDelegate), nameof(StepEffectKind.CompleteStep), nameof(ReportExpertLoad), nameof(ShowBalance), nameof(ViewCompleted), nameof(ShowRecovery)], [SimOccasion.Recovery]),
        ("a recovery prepares nothing", ["before allocation", "inside transfer", nameof(Fetch), nameof(Plan), nameof(PrepareMessage), nameof(PreparationMessage), nameof(ExpertLoadRequestMessage)], [SimOccasion.Recovery]),
        ("the view that ends a recovery is entered after it", [nameof(EnterView), nameof(StartMessage)], [SimOccasion.Recovery]),
        ("nobody has run a step yet", [nameof(StepEffectKind.SendWake), nameof(ReportExpertLoad), nameof(ShowBalance), nameof(ExpertLoadRequestMessage), nameof(ProgressMessage)], [SimOccasion.Birth]),
        ("it begins when a rank comes to lead, before any operation", [nameof(WatchRanks)], AllButRecovery),
        ("it comes to lead in a recovery only when it has led before", [nameof(WatchRanks)], [SimOccasion.Recovery]),
        ("a rank of its own asks only to leave", [nameof(DeliverReply)], [.. All.Where(occasion => occasion != SimOccasion.Leave)]),
        ("few ranks are idle then", [nameof(StepEffectKind.SendWake)], [SimOccasion.Shrinking, SimOccasion.Repair]),
        ("heartbeats are few, and their time has no relation to it", [nameof(BeatTo)], [SimOccasion.Recovery]),
        ("it is out when the operation is over", [nameof(RankEnded), nameof(Rollback), nameof(CompletedMessage), nameof(AbortMessage), nameof(Disconnect)], All),
        (Rare, [nameof(AbortLink), nameof(ShowLoss), nameof(ProbeMessage), nameof(ProbeReplyMessage), nameof(Reload), nameof(ShowReloadTrouble), nameof(LoadedMessage), nameof(OperationReplyMessage), nameof(ReadRecord)], All),
        (Rare, [nameof(EnterView), nameof(StartMessage), nameof(Dial), nameof(Fetch), nameof(PrepareMessage), nameof(ShowRecovery), nameof(ProgressMessage)], [SimOccasion.Steps, SimOccasion.Birth, SimOccasion.Growth, SimOccasion.Shrinking, SimOccasion.Exchange, SimOccasion.Leave, SimOccasion.Repair]),
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
