using ElasticEp.Events;
using ElasticEp.Protocol;
using ElasticEp.Runtime;

namespace ElasticEp.TestKit;

/// <summary>The names of all places at which a process may be made to fail.</summary>
internal static class FaultPointList
{
    /// <summary>Inside steps, transfers and writes, and before and after each effect and each message of the cores.</summary>
    public static IReadOnlyList<string> All { get; } =
    [
        FaultPoints.InsideStepEnd, FaultPoints.InsideDispatch, FaultPoints.BeforeCombine, FaultPoints.BeforeStepEnd,
        FaultPoints.BeforeAllocation, FaultPoints.InsideTransfer, FaultPoints.BeforeStoreWrite, FaultPoints.AfterStoreWrite,
        .. Effects().SelectMany(effect => (string[])[FaultPoints.Before(effect), FaultPoints.After(effect)]),
    ];

    private static IEnumerable<string> Effects()
    {
        var types = typeof(FaultPoints).Assembly.GetTypes();
        var control = types.Where(type => type.IsSubclassOf(typeof(ControlEffect)) && type != typeof(SendMessage) && type != typeof(Fail));
        var messages = types.Where(type => type.IsSubclassOf(typeof(ProtocolMessage)) && type != typeof(LaunchFailedMessage) && type != typeof(WeightRequestMessage)); // no core sends those
        return Enum.GetNames<StepEffectKind>().Skip(1).Concat(control.Concat(messages).Select(type => type.Name).Order(StringComparer.Ordinal));
    }
}
