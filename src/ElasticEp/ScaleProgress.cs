namespace ElasticEp;

/// <summary>A report on a running operation.</summary>
/// <param name="OperationId">The operation.</param>
/// <param name="Phase">Where it stands.</param>
/// <param name="BytesMoved">Weight bytes that have arrived so far, over all ranks.</param>
/// <param name="BytesTotal">Weight bytes that will move; zero until it is planned.</param>
/// <param name="Detail">What it waits for, in words.</param>
public sealed record ScaleProgress(string OperationId, ScalePhase Phase, long BytesMoved, long BytesTotal, string Detail);
