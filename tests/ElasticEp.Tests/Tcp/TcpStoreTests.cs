using ElasticEp.Rendezvous;
using ElasticEp.TestKit;
using Microsoft.Extensions.Time.Testing;

namespace ElasticEp.Tests.Tcp;

/// <summary>The conformance suite over a server on the loopback.</summary>
public sealed class TcpStoreTests : StoreConformance
{
    private readonly FakeTimeProvider _time = new();
    private StoreFixture? _fixture;

    protected override async ValueTask<IRendezvousStore> CreateAsync() => (_fixture = await StoreFixture.StartAsync(_time)).Connect();

    protected override void Advance(TimeSpan time) => _time.Advance(time);

    protected override ValueTask CloseAsync() => _fixture?.DisposeAsync() ?? default;
}
