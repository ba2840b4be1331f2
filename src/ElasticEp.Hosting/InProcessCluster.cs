using ElasticEp.Rendezvous;
using ElasticEp.Transport;

namespace ElasticEp.Hosting;

/// <summary>What the ranks and clients of a group share when they all live in one process: a transport hub and a store.</summary>
public sealed class InProcessCluster
{
    /// <summary>Where their transports meet.</summary>
    public InProcessTransportHub Hub { get; } = new();

    /// <summary>Where they find each other.</summary>
    public InMemoryRendezvousStore Store { get; } = new();
}
