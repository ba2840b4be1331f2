namespace ElasticEp.Benchmarks.Store;

/// <summary>How one server wants to be asked. Everything else of the load is the same for both.</summary>
internal interface IStoreDialect
{
    string Name { get; }

    /// <summary>Writes a request; its length.</summary>
    int Encode(StoreRequest request, string key, ReadOnlySpan<byte> value, Span<byte> destination);

    /// <summary>Whether a whole answer lies there; throws when it is an error.</summary>
    bool IsAnswer(ReadOnlySpan<byte> bytes);
}
