using ElasticEp.Transport;

namespace ElasticEp.Protocol;

/// <summary>
/// Which link a message takes. Those that carry views can be long: on the control link StepEnds, heartbeats and Stop would wait behind them.
/// What refers to a Prepare goes the same way, so that it never overtakes it. A Start may come after a later Stop.
/// </summary>
internal static class MessageLinks
{
    /// <param name="message">The message.</param>
    /// <param name="version">What its receiver reads.</param>
    public static LinkKind Of(ProtocolMessage message, byte version) =>
        version >= ProtocolVersion.LongMessages && MayTakeWeightsLink(message) ? LinkKind.Weights : LinkKind.Control;

    /// <summary>Whether a message may come on the weights link, beside chunks of weights.</summary>
    public static bool MayTakeWeightsLink(ProtocolMessage message) => message is PrepareMessage or DrainMessage or AbortMessage or StartMessage;
}
