namespace ElasticEp.Rendezvous;

/// <summary>Outcome of a compare-and-set.</summary>
/// <param name="IsSet">Whether the value was set.</param>
/// <param name="Current">The entry after the call: the new one, or the one that was in the way; null when the key is absent.</param>
public sealed record CompareAndSetResult(bool IsSet, StoreEntry? Current);
