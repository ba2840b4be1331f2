using ElasticEp.Transport;

namespace ElasticEp.Weights;

/// <summary>How weights reach peers. Implementations throw <see cref="ElasticEpException"/> when the peer cannot be reached.</summary>
internal interface IWeightWire
{
    /// <summary>Sends a request on the control link.</summary>
    ValueTask RequestAsync(MemberId source, WeightRequest request, CancellationToken cancellationToken);

    /// <summary>Sends a frame on the weights link. When it returns, the rows' memory may be written again.</summary>
    ValueTask SendChunkAsync(MemberId destination, FrameHeader header, ReadOnlyMemory<EpBuffer> rows, CancellationToken cancellationToken);
}
