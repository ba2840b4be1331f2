using ElasticEp.Transport;

namespace ElasticEp.Protocol;

/// <summary>
/// Which link a message takes. Those that carry views can be long: on the control link StepEnds, heartbeats and Stop would wait behind them.
/// What refers to a Prepare goes the same way, so that it never overtakes it. A Start may come after a later Stop.
/// </summary>
internal static class MessageLinks
{
    public static LinkKind Of(ProtocolMessage message) => message is PrepareMessage or DrainMessage or AbortMessage or StartMessage ? LinkKind.Weights : LinkKind.Control;
}
