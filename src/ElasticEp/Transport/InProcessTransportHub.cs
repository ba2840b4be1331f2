using System.Collections.Concurrent;

namespace ElasticEp.Transport;

/// <summary>
/// Where the in-process transports of one process meet. Create one, and give it to every rank and client of the group.
/// </summary>
public sealed class InProcessTransportHub
{
    private readonly ConcurrentDictionary<string, InProcessTransport> _endpoints = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<(int, int), byte> _partitions = new();
    private long _addresses;

    internal string Register(InProcessTransport endpoint)
    {
        var address = $"inproc:{Interlocked.Increment(ref _addresses)}";
        _endpoints[address] = endpoint;
        return address;
    }

    internal void Unregister(string address) => _endpoints.TryRemove(address, out _);

    internal InProcessTransport? Find(string address) => _endpoints.GetValueOrDefault(address);

    internal bool IsPartitioned(int a, int b) => _partitions.ContainsKey(Pair(a, b));

    /// <summary>Breaks the connection of two peers; they may connect again.</summary>
    internal void Drop(int a, int b)
    {
        foreach (var endpoint in _endpoints.Values)
        {
            if (endpoint.Self?.Peer == a)
                endpoint.Break(b, "the link was dropped");
        }
    }

    /// <summary>Breaks the connection of two peers and refuses new ones until <see cref="Heal"/>.</summary>
    internal void Partition(int a, int b)
    {
        _partitions[Pair(a, b)] = 0;
        Drop(a, b);
    }

    internal void Heal(int a, int b) => _partitions.TryRemove(Pair(a, b), out _);

    /// <summary>A peer vanishes without a goodbye.</summary>
    internal void Kill(int peer)
    {
        foreach (var endpoint in _endpoints.Values)
        {
            if (endpoint.Self?.Peer == peer)
                endpoint.Kill();
        }
    }

    private static (int, int) Pair(int a, int b) => a < b ? (a, b) : (b, a);
}
