using ElasticEp.Diagnostics;
using ElasticEp.Rendezvous;
using ElasticEp.Runtime;
using ElasticEp.Transport;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Moq;

namespace ElasticEp.Tests.Runtime;

/// <summary>A process that is started before its store.</summary>
public sealed class StoreStartTests : IDisposable
{
    private readonly FakeTimeProvider _time = new();
    private readonly Mock<IRendezvousStore> _store = new();
    private readonly ServiceProvider _provider = new ServiceCollection().AddMetrics().BuildServiceProvider();
    private int _calls;

    public void Dispose() => _provider.Dispose();

    [Fact]
    public async Task It_waits_until_the_store_is_there()
    {
        Answer(call => call < 4 ? throw Unavailable() : 7);
        Assert.Equal(7, await AddAsync());
        Assert.Equal(4, _calls);
    }

    [Fact]
    public async Task It_gives_up_at_the_connect_deadline_and_says_what_the_store_said()
    {
        Answer(_ => throw Unavailable());
        var since = _time.GetTimestamp();
        var exception = await Assert.ThrowsAsync<ElasticEpException>(AddAsync);
        Assert.Equal((ElasticEpErrorCode.StoreUnavailable, "refused"), (exception.Code, exception.Message));
        Assert.InRange(_time.GetElapsedTime(since), new ElasticEpOptions().ConnectDeadline, new ElasticEpOptions().ConnectDeadline + TimeSpan.FromSeconds(1));
    }

    /// <summary>Another secret or release, for example: waiting does not help.</summary>
    [Fact]
    public async Task It_does_not_wait_for_a_store_that_refuses_it()
    {
        Answer(_ => throw new ElasticEpException(ElasticEpErrorCode.Incompatible, "another secret"));
        await Assert.ThrowsAsync<ElasticEpException>(AddAsync);
        Assert.Equal(1, _calls);
    }

    private static ElasticEpException Unavailable() => new(ElasticEpErrorCode.StoreUnavailable, "refused");

    private void Answer(Func<int, long> answer) =>
        _store.Setup(store => store.AddAsync("chat/clients", 1, It.IsAny<CancellationToken>())).Returns(() => new ValueTask<long>(answer(++_calls)));

    private async Task<long> AddAsync()
    {
        var metrics = new ElasticEpMetrics(_provider.GetRequiredService<System.Diagnostics.Metrics.IMeterFactory>());
        var services = new GroupServices("chat", new ElasticEpOptions(), Mock.Of<ITransport>(), _store.Object, _time, NullLoggerFactory.Instance, metrics);
        var call = StoreStart.CallAsync(services, () => _store.Object.AddAsync("chat/clients", 1), NullLogger.Instance, TestContext.Current.CancellationToken);
        for (var passed = TimeSpan.Zero; !call.IsCompleted && passed < TimeSpan.FromMinutes(1); passed += TimeSpan.FromMilliseconds(250))
            _time.Advance(TimeSpan.FromMilliseconds(250)); // a continuation runs within it
        return await call.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
    }
}
