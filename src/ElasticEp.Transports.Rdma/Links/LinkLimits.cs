namespace ElasticEp.Transports.Rdma.Links;

/// <summary>What a receiver keeps for a link; its sender keeps within it.</summary>
/// <param name="Window">Most frames that it has not taken yet.</param>
/// <param name="EagerLimit">Most bytes that travel with the head of a frame.</param>
internal readonly record struct LinkLimits(int Window, int EagerLimit)
{
    public const int MaxWindow = 4096;
    public const int MaxEagerLimit = 64 << 10;

    public bool AreValid => Window is > 0 and <= MaxWindow && EagerLimit is >= 0 and <= MaxEagerLimit;
}
