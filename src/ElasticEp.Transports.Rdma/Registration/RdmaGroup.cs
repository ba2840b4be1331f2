namespace ElasticEp.Transports.Rdma.Registration;

/// <summary>A group of this host uses RDMA.</summary>
internal sealed record RdmaGroup;
