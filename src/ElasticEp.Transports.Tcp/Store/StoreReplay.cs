using ElasticEp.Rendezvous;

namespace ElasticEp.Transports.Tcp.Store;

/// <summary>What a log held.</summary>
/// <param name="Identity">The store that wrote it.</param>
/// <param name="State">Where its operations lead.</param>
/// <param name="Length">Bytes up to the end of the last whole batch.</param>
internal sealed record StoreReplay(Guid Identity, StoreState State, int Length);
