namespace ElasticEp.Rendezvous;

/// <summary>A change seen by a watch.</summary>
/// <param name="Key">The key that changed.</param>
/// <param name="Entry">The new entry, or null when the key was deleted or its lease ended.</param>
public sealed record StoreChange(string Key, StoreEntry? Entry);
