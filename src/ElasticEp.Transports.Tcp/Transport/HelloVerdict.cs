namespace ElasticEp.Transports.Tcp.Transport;

/// <summary>The accepting end's verdict on a link.</summary>
internal enum HelloVerdict : byte
{
    /// <summary>The link is taken.</summary>
    Accepted = 0,

    /// <summary>The two do not fit; the text says why, and trying again is useless.</summary>
    Refused = 1,

    /// <summary>The two are connected already, as the accepting end sees it.</summary>
    Already = 2,
}
