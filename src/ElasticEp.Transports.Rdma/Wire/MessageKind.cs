namespace ElasticEp.Transports.Rdma.Wire;

/// <summary>What an active message is.</summary>
internal enum MessageKind : byte
{
    /// <summary>The first one on a link: this end can reach the other.</summary>
    Hello = 1,

    /// <summary>A frame begins: its head, its lengths, and as much of it as is small.</summary>
    Frame = 2,

    /// <summary>The receiver has named the memory for the rest of a frame, or does not want it.</summary>
    Clear = 3,

    /// <summary>A part of the rest of a frame, by rendezvous.</summary>
    Piece = 4,

    /// <summary>How many frames the receiver is done with.</summary>
    Credit = 5,
}
