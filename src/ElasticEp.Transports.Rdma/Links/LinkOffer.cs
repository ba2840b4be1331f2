namespace ElasticEp.Transports.Rdma.Links;

/// <summary>What one end of a link tells the other, over the control link.</summary>
/// <param name="Token">What messages to this end must carry.</param>
/// <param name="Limits">What this end keeps for them.</param>
/// <param name="Worker">Which of all workers receives them.</param>
/// <param name="Address">That worker's address.</param>
internal sealed record LinkOffer(UInt128 Token, LinkLimits Limits, Guid Worker, ReadOnlyMemory<byte> Address);
