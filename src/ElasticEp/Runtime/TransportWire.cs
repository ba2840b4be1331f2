using ElasticEp.Exchange;
using ElasticEp.Transport;

namespace ElasticEp.Runtime;

/// <summary>The data link of a transport, as an exchange sees it.</summary>
internal sealed class TransportWire(ITransport transport) : IExchangeWire
{
    public ValueTask SendAsync(MemberId member, FrameHeader header, ReadOnlyMemory<EpBuffer> segments, CancellationToken cancellationToken) =>
        transport.SendAsync(member, LinkKind.Data, header, segments, cancellationToken);
}
