using ElasticEp.Exchange;
using ElasticEp.Transport;

namespace ElasticEp.Runtime;

/// <summary>The data link of a transport, as an exchange sees it.</summary>
/// <param name="transport">The transport.</param>
/// <param name="reach">Told of fault points; null outside of tests of faults.</param>
internal sealed class TransportWire(ITransport transport, Action<string>? reach = null) : IExchangeWire
{
    public ValueTask SendAsync(MemberId member, FrameHeader header, EpBuffer metadata, ReadOnlyMemory<EpBuffer> rows, CancellationToken cancellationToken) => reach is null
        ? transport.SendAsync(member, LinkKind.Data, header.Encode(), metadata, rows, cancellationToken)
        : SendWithFaultsAsync(member, header, metadata, rows, cancellationToken);

    public IDisposable Register(EpBuffer memory) => transport.Register(memory);

    private async ValueTask SendWithFaultsAsync(MemberId member, FrameHeader header, EpBuffer metadata, ReadOnlyMemory<EpBuffer> rows, CancellationToken cancellationToken)
    {
        if (header.Operation == FrameOperation.Combine)
            reach!(FaultPoints.BeforeCombine);
        await transport.SendAsync(member, LinkKind.Data, header.Encode(), metadata, rows, cancellationToken).ConfigureAwait(false);
        if (header.Operation == FrameOperation.Dispatch)
            reach!(FaultPoints.InsideDispatch);
    }
}
