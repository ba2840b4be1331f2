namespace ElasticEp.Transports.Rdma.Links;

/// <summary>What one end of a link tells the other, over the control link.</summary>
/// <param name="Token">What messages to this end must carry.</param>
/// <param name="Limits">What this end keeps for them.</param>
/// <param name="Address">Of the worker that receives them.</param>
internal sealed record LinkOffer(UInt128 Token, LinkLimits Limits, ReadOnlyMemory<byte> Address);
