namespace ElasticEp.Transports.Tcp.Store;

/// <summary>What a client asks of the store.</summary>
internal enum StoreOperation : byte
{
    Get = 0,
    Set = 1,
    Add = 2,
    CompareAndSet = 3,
    Wait = 4,
    Delete = 5,
    List = 6,
    Watch = 7,

    /// <summary>Takes a wait or a watch back; has no answer of its own.</summary>
    Cancel = 8,
    Lease = 9,
    Renew = 10,
    EndLease = 11,
}
