namespace ElasticEp.Transport;

/// <summary>Why a connection ended.</summary>
public enum DisconnectReason : byte
{
    /// <summary>The peer, or this process, closed it on purpose.</summary>
    Goodbye = 0,

    /// <summary>The connection broke.</summary>
    Reset = 1,

    /// <summary>The peer sent something that breaks the protocol.</summary>
    ProtocolError = 2,

    /// <summary>A newer incarnation of the same peer has connected.</summary>
    Replaced = 3,
}
