namespace ElasticEp.Transports.Tcp.Connecting;

/// <summary>What a connection is for; part of the proof, so that one cannot be passed off as another.</summary>
internal enum LinkPurpose : byte
{
    /// <summary>A link of the transport.</summary>
    Peer = 1,

    /// <summary>A client of the store.</summary>
    Store = 2,
}
