using ElasticEp.Transport;

namespace ElasticEp.Exchange;

/// <summary>How an exchange sends; frames to this rank itself never come here.</summary>
internal interface IExchangeWire
{
    /// <summary>Sends a dispatch or combine frame on the data link. See <see cref="ITransport.SendAsync"/>.</summary>
    ValueTask SendAsync(MemberId member, FrameHeader header, EpBuffer metadata, ReadOnlyMemory<EpBuffer> rows, CancellationToken cancellationToken);

    /// <summary>Registers memory that rows are received into. See <see cref="ITransport.Register"/>.</summary>
    IDisposable Register(EpBuffer memory);
}
