using ElasticEp.Protocol;

namespace ElasticEp.Scaling;

/// <summary>What <see cref="RequestCore"/> wants done.</summary>
internal abstract record RequestEffect
{
    /// <summary>Send to the rank that coordinates, if it can be reached now; nothing is kept for later.</summary>
    public sealed record Send(MemberId Coordinator, ProtocolMessage Message) : RequestEffect;

    /// <summary>Report to the caller how its operation goes on.</summary>
    public sealed record Report(ScaleProgress Progress) : RequestEffect;

    /// <summary>The caller's wait is over, with a result or a failure.</summary>
    public sealed record End(string Operation, ScaleResult? Result, Exception? Failure) : RequestEffect;
}
