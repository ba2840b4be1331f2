using ElasticEp.Transport;

namespace ElasticEp.Transports.Rdma.Links;

/// <summary>The connection that a link belongs to.</summary>
internal interface ILinkOwner
{
    /// <summary>Whose frames arrive.</summary>
    PeerIdentity Remote { get; }

    /// <summary>Who is asked about frames.</summary>
    ITransportHandler Handler { get; }

    /// <summary>Whose memory kinds count.</summary>
    ITransport Transport { get; }

    /// <summary>The clock.</summary>
    TimeProvider Time { get; }

    /// <summary>Cancelled when the connection begins to end.</summary>
    CancellationToken Closed { get; }

    /// <summary>A link cannot go on. Called on a worker's thread or a sender's; does not wait.</summary>
    void OnLinkFailed(DisconnectReason reason, string detail);

    /// <summary>UCX cannot reach the peer any more, or has lost a message. Called on a worker's thread; does not wait.</summary>
    void OnEndpointFailed(string detail);

    /// <summary>The error of a send whose connection has ended.</summary>
    Exception Lost();
}
