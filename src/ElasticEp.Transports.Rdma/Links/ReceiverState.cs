namespace ElasticEp.Transports.Rdma.Links;

/// <summary>What the receiving half of a link is at.</summary>
internal enum ReceiverState : byte
{
    /// <summary>Frames are not delivered: the connection is not up yet, or not any more.</summary>
    Closed,

    /// <summary>The next frame may be delivered.</summary>
    Idle,

    /// <summary>The handler has been asked about a frame.</summary>
    Asking,

    /// <summary>A frame is being written into the handler's memory.</summary>
    Fetching,

    /// <summary>The handler is told that a frame is complete, on another thread.</summary>
    Completing,
}
