namespace ElasticEp.Rendezvous;

/// <summary>A value of the rendezvous store.</summary>
/// <param name="Key">Its key.</param>
/// <param name="Value">The bytes; an array of its own that nobody else changes.</param>
/// <param name="Version">Grows with every change of any key of the store; never zero.</param>
public sealed record StoreEntry(string Key, ReadOnlyMemory<byte> Value, long Version);
