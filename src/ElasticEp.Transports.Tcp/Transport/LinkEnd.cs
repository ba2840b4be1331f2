using ElasticEp.Transport;

namespace ElasticEp.Transports.Tcp.Transport;

/// <summary>Why the reading half of a link has ended.</summary>
/// <param name="Reason">As its connection reports it.</param>
/// <param name="Detail">Words.</param>
/// <param name="IsTold">The other end said so itself; otherwise the bytes just stopped.</param>
internal readonly record struct LinkEnd(DisconnectReason Reason, string Detail, bool IsTold);
