namespace ElasticEp.Transports.Tcp.Store;

/// <summary>How the store answers.</summary>
internal enum StoreStatus : byte
{
    /// <summary>Done; what follows depends on the operation.</summary>
    Ok = 0,

    /// <summary>Refused; an <see cref="ElasticEpErrorCode"/> and words follow.</summary>
    Refused = 1,

    /// <summary>One change of a watch; more follow.</summary>
    Change = 2,
}
