using ElasticEp.Events;
using ElasticEp.Protocol;
using ElasticEp.TestKit;

namespace ElasticEp.Tests.Simulation;

/// <summary>
/// During what processes come to each point, so that enough seeds kill one there. A pair that is not listed cannot be, or takes a coincidence:
/// a message that only a lost link makes necessary, a reply that only an early request gets, what only a coordinator does that takes over. Those
/// points have to be reached during anything.
/// </summary>
internal static class SimPairs
{
    private static readonly SimOccasion[] Running = [SimOccasion.Steps, SimOccasion.Birth, SimOccasion.Growth, SimOccasion.Shrinking, SimOccasion.Exchange, SimOccasion.Leave, SimOccasion.Repair];
    private static readonly SimOccasion[] Changing = Running[1..];
    private static readonly SimOccasion[] Leaving = [SimOccasion.Shrinking, SimOccasion.Exchange, SimOccasion.Leave];

    private static readonly (string[] Points, SimOccasion[] Occasions)[] Table =
    [
        (["inside StepEnd", "inside dispatch", "between dispatch and combine", "between payload and StepEnd", nameof(StepEffectKind.SendStepEnd), nameof(StepEffectKind.RunDelegate), nameof(StepEffectKind.CompleteStep), nameof(StepEffectKind.ReturnToCaller)], Running),
        ([nameof(EnterView), nameof(ViewCompleted), nameof(BeatTo)], Running),
        (["the store writes", nameof(WriteRecord)], [.. Running, SimOccasion.Recovery]),
        (["before allocation", "inside transfer", nameof(Fetch), nameof(Plan), nameof(PrepareMessage), nameof(PreparationMessage)], Changing),
        ([nameof(ExpertLoadRequestMessage)], Changing[1..]),
        ([nameof(StartMessage)], [SimOccasion.Birth, SimOccasion.Growth, SimOccasion.Exchange]),
        ([nameof(Drain), nameof(DrainMessage)], Leaving),
        ([nameof(AbortAttempt), nameof(Fence), nameof(StopMessage), nameof(StoppedMessage), nameof(StepFailedMessage)], [SimOccasion.Recovery]),
    ];

    /// <summary>The pairs that enough seeds must have tried.</summary>
    public static IReadOnlyList<(string Point, SimOccasion Occasion)> Expected { get; } =
        [.. Table.SelectMany(row => FaultPointList.All.Where(point => row.Points.Any(name => point == name || point.EndsWith($" {name}", StringComparison.Ordinal)))
            .SelectMany(point => row.Occasions.Select(occasion => (point, occasion))))];
}
