using ElasticEp.Rendezvous;
using ElasticEp.TestKit;
using Microsoft.Extensions.Time.Testing;

namespace ElasticEp.Tests.Rendezvous;

public sealed class InMemoryRendezvousStoreTests : StoreConformance
{
    private readonly FakeTimeProvider _time = new();

    protected override ValueTask<IRendezvousStore> CreateAsync() => new(new InMemoryRendezvousStore(_time));

    protected override void Advance(TimeSpan time) => _time.Advance(time);
}
