using ElasticEp.Rendezvous;
using ElasticEp.TestKit;
using Microsoft.Extensions.Time.Testing;

namespace ElasticEp.Packages.Tests;

/// <summary>A store's suite, as the author of a store uses it.</summary>
public sealed class StoreTests : StoreConformance
{
    private readonly FakeTimeProvider _time = new();

    protected override ValueTask<IRendezvousStore> CreateAsync() => new(new InMemoryRendezvousStore(_time));

    protected override void Advance(TimeSpan time) => _time.Advance(time);
}
