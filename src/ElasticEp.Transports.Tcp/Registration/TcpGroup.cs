namespace ElasticEp.Transports.Tcp.Registration;

/// <summary>A group of this host uses TCP, with these options.</summary>
internal sealed record TcpGroup(TcpOptions Options);
