namespace ElasticEp.Transport;

/// <summary>Why a connection ended.</summary>
public enum DisconnectReason : byte
{
    /// <summary>The peer, or this process, closed it on purpose.</summary>
    Goodbye = 0,

    /// <summary>The connection broke: the peer has ended, its machine or the network has failed, or the peer cut it.</summary>
    Reset = 1,

    /// <summary>One end sent something that breaks the protocol.</summary>
    ProtocolError = 2,

    /// <summary>This process cut it, see <see cref="ITransport.Abort"/>.</summary>
    Aborted = 3,
}
