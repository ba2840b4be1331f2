using System.Diagnostics.Metrics;
using ElasticEp.Diagnostics;
using ElasticEp.Protocol;
using ElasticEp.Rendezvous;
using ElasticEp.Runtime;
using ElasticEp.Transport;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Moq;

namespace ElasticEp.Tests.Runtime;

/// <summary>A rank stays registered whatever the store does meanwhile.</summary>
public sealed class RankRegistrationTests : IAsyncDisposable
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(30);

    private readonly FakeTimeProvider _time = new();
    private readonly InMemoryRendezvousStore _inner;
    private readonly Mock<IRendezvousStore> _store = new();
    private readonly ServiceProvider _provider = new ServiceCollection().AddMetrics().BuildServiceProvider();
    private readonly CancellationTokenSource _stop = new();
    private int _failingWrites;
    private int _writes;

    public RankRegistrationTests()
    {
        _inner = new InMemoryRendezvousStore(_time);
        _store.Setup(store => store.LeaseAsync(It.IsAny<TimeSpan>(), It.IsAny<CancellationToken>()))
            .Returns((TimeSpan time, CancellationToken token) => _inner.LeaseAsync(time, token));
        _store.Setup(store => store.SetAsync(It.IsAny<string>(), It.IsAny<ReadOnlyMemory<byte>>(), It.IsAny<IStoreLease?>(), It.IsAny<CancellationToken>()))
            .Returns((string key, ReadOnlyMemory<byte> value, IStoreLease? lease, CancellationToken token) => ++_writes <= _failingWrites
                ? throw new ElasticEpException(ElasticEpErrorCode.StoreUnavailable, "out")
                : _inner.SetAsync(key, value, lease, token));
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _inner.DisposeAsync();
        await _provider.DisposeAsync();
        _stop.Dispose();
    }

    [Fact]
    public async Task A_registration_whose_write_failed_is_written_again()
    {
        await using var registration = Registration();
        _failingWrites = 1;
        await Assert.ThrowsAsync<ElasticEpException>(() => registration.RegisterAsync(new byte[] { 3 }, CancellationToken.None));
        var staying = registration.StayRegisteredAsync(new byte[] { 3 });
        await UntilRegisteredAsync();
        await _stop.CancelAsync();
        await staying.WaitAsync(Deadline, TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task A_registration_that_an_outage_has_ended_is_written_again_as_often_as_it_takes()
    {
        await using var registration = Registration();
        await registration.RegisterAsync(new byte[] { 3 }, CancellationToken.None);
        _time.Advance(RankRegistration.LeaseTime + TimeSpan.FromSeconds(1)); // nobody renews it
        Assert.Null(await _inner.GetAsync("chat/ranks/3", TestContext.Current.CancellationToken));
        _failingWrites = _writes + 2;
        var staying = registration.StayRegisteredAsync(new byte[] { 3 });
        await UntilRegisteredAsync();
        Assert.Equal(4, _writes);
        await _stop.CancelAsync();
        await staying.WaitAsync(Deadline, TestContext.Current.CancellationToken);
    }

    private RankRegistration Registration()
    {
        var metrics = new ElasticEpMetrics(_provider.GetRequiredService<IMeterFactory>());
        var services = new GroupServices("chat", new ElasticEpOptions(), Mock.Of<ITransport>(), _store.Object, _time, NullLoggerFactory.Instance, metrics);
        return new RankRegistration(services, 3, _ => ValueTask.FromResult(true), _stop.Token);
    }

    private async Task UntilRegisteredAsync()
    {
        var started = TimeProvider.System.GetTimestamp();
        while (await _inner.GetAsync(GroupRecord.RankKey("chat", 3), TestContext.Current.CancellationToken) is null)
        {
            Assert.True(TimeProvider.System.GetElapsedTime(started) < Deadline, $"not registered within {Deadline}");
            _time.Advance(RankRegistration.LeaseTime / 3);
            await Task.Yield();
        }
    }
}
