namespace ElasticEp.Samples.Server.Elastic;

/// <summary>An operation that was asked for.</summary>
/// <param name="OperationId">Its id.</param>
/// <param name="Target">What is wanted, in words.</param>
/// <param name="Started">When it was asked for.</param>
/// <param name="StartedAt">The same as a timestamp.</param>
internal sealed record RunningOperation(string OperationId, string Target, DateTimeOffset Started, long StartedAt)
{
    /// <summary>The size asked for; null when ranks were named.</summary>
    public int? Size { get; init; }

    /// <summary>Where it stands; null until the group has accepted it.</summary>
    public string? Phase { get; init; }

    public string Detail { get; init; } = "";

    public long BytesMoved { get; init; }

    public long BytesTotal { get; init; }
}
