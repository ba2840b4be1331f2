namespace ElasticEp.Events;

/// <summary>One event. A struct, because StepEnd and the delegate's events come in every step.</summary>
internal readonly record struct RankEvent(RankEventKind Kind)
{
    /// <summary>The peer or rank concerned.</summary>
    public int Peer { get; init; }

    public long Epoch { get; init; }

    public long Step { get; init; }

    /// <summary>More work (StepEnd); the app's own failure (DelegateReturned); the value was set (RecordWritten).</summary>
    public bool Flag { get; init; }

    public long NextEpoch { get; init; }

    public ulong NextDigest { get; init; }

    /// <summary>Version of the record; bytes moved; incarnation of the peer (LinkUp, LinkLost, RankLost; there zero when unknown).</summary>
    public long Number { get; init; }

    /// <summary>Operation that the event belongs to, when it completes an effect: a stale one is ignored.</summary>
    public string? Operation { get; init; }

    public object? Payload { get; init; }

    public string Detail => Payload as string ?? (Payload as Exception)?.Message ?? "";
}
