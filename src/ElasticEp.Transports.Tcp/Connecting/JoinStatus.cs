namespace ElasticEp.Transports.Tcp.Connecting;

/// <summary>The accepting end's verdict on the connector.</summary>
internal enum JoinStatus : byte
{
    /// <summary>It fits, so far.</summary>
    Welcome = 0,

    /// <summary>Its proof was not made with the secret of this end.</summary>
    WrongSecret = 1,

    /// <summary>The two have no version in common.</summary>
    WrongVersion = 2,

    /// <summary>It wants something else than what is accepted here.</summary>
    WrongPurpose = 3,
}
