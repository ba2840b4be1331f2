using System.Collections.Concurrent;

namespace ElasticEp.Transports.Tcp.Transport;

/// <summary>
/// The peers of a transport: those that are connected, and those that somebody is connecting. A process that has gone leaves
/// nothing behind, so that a transport does not grow with the number of processes that it has met.
/// </summary>
internal sealed class PeerTable
{
    private readonly ConcurrentDictionary<MemberId, PeerSlot> _slots = new();

    public int Count => _slots.Count;

    public IEnumerable<PeerSlot> Slots => _slots.Values;

    /// <summary>The slot of a peer, if it has one.</summary>
    public PeerSlot? Find(MemberId peer) => _slots.TryGetValue(peer, out var slot) ? slot : null;

    /// <summary>The slot of a peer, which stays until <see cref="Leave"/>.</summary>
    public PeerSlot Enter(MemberId peer)
    {
        while (true)
        {
            var slot = _slots.GetOrAdd(peer, static peer => new PeerSlot(peer));
            if (slot.TryEnter())
                return slot;
            Remove(slot); // its last user is just leaving
        }
    }

    /// <summary>The other half of <see cref="Enter"/>.</summary>
    public void Leave(PeerSlot slot)
    {
        if (slot.Leave())
            Remove(slot);
    }

    private void Remove(PeerSlot slot) => _slots.TryRemove(KeyValuePair.Create(slot.Peer, slot));
}
