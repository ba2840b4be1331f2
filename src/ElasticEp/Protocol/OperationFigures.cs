namespace ElasticEp.Protocol;

/// <summary>What was measured of an operation.</summary>
internal sealed record OperationFigures
{
    public TimeSpan Launch { get; init; }

    public TimeSpan Transfer { get; init; }

    public TimeSpan Drain { get; init; }

    public TimeSpan Switch { get; init; }

    public TimeSpan Pause { get; init; }

    public long BytesMoved { get; init; }

    public long BytesLowerBound { get; init; }
}
