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

    private static readonly GroupMember Self = new(3, 17, "tcp:host:1", "host");

    private readonly FakeTimeProvider _time = new();
    private readonly InMemoryRendezvousStore _inner;
    private readonly Mock<IRendezvousStore> _store = new();
    private readonly ServiceProvider _provider = new ServiceCollection().AddMetrics().BuildServiceProvider();
    private readonly CancellationTokenSource _stop = new();
    private int _failingWrites;
    private int _writes;
    private int _losses;
    private int _reads;
    private long _epoch;

    public RankRegistrationTests()
    {
        _inner = new InMemoryRendezvousStore(_time);
        _store.Setup(store => store.LeaseAsync(It.IsAny<TimeSpan>(), It.IsAny<CancellationToken>()))
            .Returns((TimeSpan time, CancellationToken token) => _inner.LeaseAsync(time, token));
        _store.Setup(store => store.GetAsync(It.IsAny<string>(), It.IsAny<CancellationToken>()))
            .Returns((string key, CancellationToken token) =>
            {
                if (key == "chat/ranks/3")
                    Interlocked.Increment(ref _reads);
                return _inner.GetAsync(key, token);
            });
        _store.Setup(store => store.CompareAndSetAsync(It.IsAny<string>(), It.IsAny<long>(), It.IsAny<ReadOnlyMemory<byte>>(), It.IsAny<CancellationToken>()))
            .Returns((string key, long version, ReadOnlyMemory<byte> value, CancellationToken token) => _inner.CompareAndSetAsync(key, version, value, token));
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
        await using var registration = Create();
        _failingWrites = 1;
        await Assert.ThrowsAsync<ElasticEpException>(() => registration.RegisterAsync(Self, CancellationToken.None));
        var staying = registration.StayRegisteredAsync(Self);
        await UntilRegisteredAsync();
        await _stop.CancelAsync();
        await staying.WaitAsync(Deadline, TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task A_registration_that_an_outage_has_ended_is_written_again_as_often_as_it_takes()
    {
        await using var registration = Create();
        await registration.RegisterAsync(Self, CancellationToken.None);
        _time.Advance(RankRegistration.LeaseTime + TimeSpan.FromSeconds(1)); // nobody renews it
        Assert.Null(await _inner.GetAsync("chat/ranks/3", TestContext.Current.CancellationToken));
        (_failingWrites, _epoch) = (_writes + 2, 5);
        var staying = registration.StayRegisteredAsync(Self);
        await UntilRegisteredAsync();
        Assert.Equal((4, 3), (_writes, _losses));
        Assert.Equal((Self, Environment.ProcessId, 5, null), Registration.Decode((await _inner.GetAsync("chat/ranks/3", TestContext.Current.CancellationToken))!.Value.Span));
        await _stop.CancelAsync();
        await staying.WaitAsync(Deadline, TestContext.Current.CancellationToken);
    }

    [Theory]
    [InlineData(18, false)]
    [InlineData(16, true)]
    public async Task A_registration_hides_no_later_process_of_the_rank_and_only_an_earlier_one(long incarnation, bool isHidden)
    {
        await using var registration = Create();
        await registration.RegisterAsync(Self, CancellationToken.None);
        var staying = registration.StayRegisteredAsync(Self);
        await _inner.SetAsync("chat/ranks/3", Registration.Encode(Self with { Incarnation = incarnation }, 1, 0), null, TestContext.Current.CancellationToken);
        await CheckAsync(registration.Check);
        await CheckAsync(registration.Check); // the first one is over
        Assert.Equal(isHidden ? Self.Incarnation : incarnation, await HolderAsync());
        await _stop.CancelAsync();
        await staying.WaitAsync(Deadline, TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task What_a_standby_holds_is_written_into_its_registration_and_again_into_a_later_one()
    {
        await using var registration = Create();
        await registration.RegisterAsync(Self, CancellationToken.None);
        var staying = registration.StayRegisteredAsync(Self);
        registration.Announce(Self.Id, new StandbyState(true, ExpertPlacement.Empty, 4));
        await UntilAsync(async () => await StandbyAsync() is { HasDense: true, Wanted: 4 });
        _time.Advance(RankRegistration.LeaseTime + TimeSpan.FromSeconds(1));
        await UntilRegisteredAsync();
        await UntilAsync(async () => await StandbyAsync() is { HasDense: true, Wanted: 4 });
        await _stop.CancelAsync();
        await staying.WaitAsync(Deadline, TestContext.Current.CancellationToken);

        async Task<StandbyState?> StandbyAsync() => await _inner.GetAsync("chat/ranks/3", TestContext.Current.CancellationToken) is { } entry ? Registration.Decode(entry.Value.Span).Standby : null;
    }

    [Fact]
    public async Task A_store_that_has_lost_its_state_draws_higher_incarnations_than_any_that_was_registered_again()
    {
        var services = Services();
        var drawn = await Incarnations.DrawAsync(services, CancellationToken.None);
        Assert.Equal(drawn + 1, await Incarnations.DrawAsync(services, CancellationToken.None));
        await using var registration = Create();
        await registration.RegisterAsync(Self with { Incarnation = drawn + 1_000 }, CancellationToken.None);
        Assert.Equal(drawn + 1_001, await Incarnations.DrawAsync(services, CancellationToken.None));
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(drawn + 1_000_000, await Incarnations.DrawAsync(services, CancellationToken.None));
    }

    private RankRegistration Create() => new(Services(), () => _epoch, () => _losses++, _stop.Token);

    private GroupServices Services()
    {
        var metrics = new ElasticEpMetrics(_provider.GetRequiredService<IMeterFactory>());
        return new GroupServices("chat", new ElasticEpOptions(), Mock.Of<ITransport>(), _store.Object, _time, NullLoggerFactory.Instance, metrics);
    }

    private async Task<long> HolderAsync() => Registration.IncarnationOf((await _inner.GetAsync("chat/ranks/3", TestContext.Current.CancellationToken))!.Value.Span);

    private Task UntilRegisteredAsync() => UntilAsync(async () => await _inner.GetAsync(GroupRecord.RankKey("chat", 3), TestContext.Current.CancellationToken) is not null);

    private async Task UntilAsync(Func<Task<bool>> holds)
    {
        var started = TimeProvider.System.GetTimestamp();
        while (!await holds())
        {
            Assert.True(TimeProvider.System.GetElapsedTime(started) < Deadline, $"it does not hold within {Deadline}");
            await CheckAsync(() => _time.Advance(RankRegistration.LeaseTime / 3));
        }
    }

    /// <summary>Has the registration looked at, and waits until that has begun.</summary>
    private async Task CheckAsync(Action cause)
    {
        var (before, started) = (_reads, TimeProvider.System.GetTimestamp());
        cause();
        while (Volatile.Read(ref _reads) == before)
        {
            Assert.True(TimeProvider.System.GetElapsedTime(started) < Deadline, $"nobody has looked within {Deadline}");
            await Task.Yield();
        }
    }
}
