namespace ElasticEp.Transports.Rdma.Links;

/// <summary>How far a frame on its way out is.</summary>
internal enum TransferState : byte
{
    /// <summary>It is in the pool.</summary>
    Idle,

    /// <summary>Its sender copies what goes with the head.</summary>
    Filled,

    /// <summary>It waits until the receiver has room for one more frame.</summary>
    Queued,

    /// <summary>Its beginning is out, or about to be; the receiver has not named the memory for the rest.</summary>
    Announced,

    /// <summary>Its sender has cancelled; what is left is being copied.</summary>
    Copying,

    /// <summary>The rest is being fetched from its memory.</summary>
    Fetched,

    /// <summary>There is nothing more to send.</summary>
    Over,
}
