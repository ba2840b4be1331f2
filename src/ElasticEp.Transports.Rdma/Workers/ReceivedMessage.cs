using ElasticEp.Transports.Rdma.Native;

namespace ElasticEp.Transports.Rdma.Workers;

/// <summary>An active message as UCX hands it over; valid during the callback, but for data that is kept.</summary>
internal readonly unsafe ref struct ReceivedMessage(ReadOnlySpan<byte> header, byte* data, long length, UcpReceivedMessage* attributes)
{
    public ReadOnlySpan<byte> Header { get; } = header;

    /// <summary>The data, or for a rendezvous what it is received with.</summary>
    public byte* Data { get; } = data;

    public long Length { get; } = length;

    /// <summary>The data is still at its sender.</summary>
    public bool IsRendezvous { get; } = (attributes->Attributes & UcpFlags.ReceivedRendezvous) != 0;

    /// <summary>The data may be kept, and is given back to the worker then.</summary>
    public bool IsPersistent { get; } = (attributes->Attributes & UcpFlags.ReceivedData) != 0;

    /// <summary>This end's endpoint that is joined to the sender's; zero when the sender did not ask for it.</summary>
    public nint ReplyEndpoint { get; } = (attributes->Attributes & UcpFlags.ReceivedReplyEndpoint) != 0 ? attributes->ReplyEndpoint : 0;
}
