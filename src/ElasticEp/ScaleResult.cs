namespace ElasticEp;

/// <summary>How an operation ended.</summary>
public sealed class ScaleResult
{
    /// <summary>The operation.</summary>
    public required string OperationId { get; init; }

    /// <summary><see cref="ScalePhase.Completed"/> or <see cref="ScalePhase.Aborted"/>.</summary>
    public required ScalePhase Outcome { get; init; }

    /// <summary>Why it was rolled back, or why it completed without the last exchanges of experts; null when it completed as planned.</summary>
    public string? Reason { get; init; }

    /// <summary>Whether it was rolled back because its deadline had passed.</summary>
    public bool HasTimedOut { get; init; }

    /// <summary>The view after the operation.</summary>
    public required GroupView View { get; init; }

    /// <summary>From the request until every rank of the new view was connected.</summary>
    public TimeSpan LaunchTime { get; init; }

    /// <summary>From then until all weights had arrived and the joiners were warm; intermediate views count in.</summary>
    public TimeSpan TransferTime { get; init; }

    /// <summary>From then until the leavers had returned their requests to the queue.</summary>
    public TimeSpan DrainTime { get; init; }

    /// <summary>From then until the first step of the new view was complete.</summary>
    public TimeSpan SwitchTime { get; init; }

    /// <summary>From the coordinator's last step under the old view until its first under the new one began; the longest, when there were intermediate views.</summary>
    public TimeSpan Pause { get; init; }

    /// <summary>Weight bytes that moved between ranks.</summary>
    public long BytesMoved { get; init; }

    /// <summary>
    /// Fewest expert bytes that any placement with as many experts on each of the new ranks needs to move, plus the dense bytes of the
    /// joiners. A rank that still remembers experts of an earlier view needs fewer, so <see cref="BytesMoved"/> can be below it.
    /// </summary>
    public long BytesLowerBound { get; init; }
}
