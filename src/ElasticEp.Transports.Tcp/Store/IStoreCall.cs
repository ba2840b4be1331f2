namespace ElasticEp.Transports.Tcp.Store;

/// <summary>Something at the client that waits for answers of the server.</summary>
internal interface IStoreCall
{
    /// <summary>An answer, on the connection's reading loop.</summary>
    /// <returns>Whether it was the last one.</returns>
    bool Answer(StoreStatus status, ReadOnlySpan<byte> body);

    /// <summary>There will be no answer.</summary>
    void Fail(Exception reason);
}
