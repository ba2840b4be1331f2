using System.Diagnostics.Metrics;
using System.Threading.Channels;
using ElasticEp.Diagnostics;
using ElasticEp.Events;
using ElasticEp.Rendezvous;
using ElasticEp.Runtime;
using ElasticEp.Tests.Cluster;
using ElasticEp.Transport;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Moq;

namespace ElasticEp.Tests.Runtime;

/// <summary>Attempts to connect: how long they go on, and what the core gets to know of them.</summary>
public sealed class PeerConnectionsTests : IAsyncDisposable
{
    private static readonly GroupMember Member = new(1, 2, "there");
    private static readonly MemberId Peer = Member.Id;

    private readonly ServiceProvider _provider = new ServiceCollection().AddMetrics().BuildServiceProvider();
    private readonly FakeTimeProvider _time = new(); // stands still: nothing ends by a deadline unless a test lets it pass
    private readonly Mock<ITransport> _transport = new();
    private readonly Channel<ControlEvent> _events = Channel.CreateUnbounded<ControlEvent>();
    private readonly InMemoryRendezvousStore _store = new();
    private readonly PeerConnections _connections;

    public PeerConnectionsTests()
    {
        var metrics = new ElasticEpMetrics(_provider.GetRequiredService<IMeterFactory>());
        var services = new GroupServices("test", new ElasticEpOptions(), _transport.Object, _store, _time, NullLoggerFactory.Instance, metrics);
        _connections = new PeerConnections(services, _transport.Object, e => _events.Writer.TryWrite(e), CancellationToken.None);
    }

    public async ValueTask DisposeAsync()
    {
        await _store.DisposeAsync();
        await _provider.DisposeAsync();
    }

    [Theory]
    [InlineData(ElasticEpErrorCode.PeerReplaced)]
    [InlineData(ElasticEpErrorCode.Incompatible)]
    public async Task A_refusal_ends_the_attempt_at_once(ElasticEpErrorCode code)
    {
        Answer(() => Task.FromException(new ElasticEpException(code, "no")));
        _connections.Connect(Member);
        await AssertNextAsync<ConnectFailed>();
        _connections.Reconnect(Member);
        Assert.Equal(code == ElasticEpErrorCode.PeerReplaced ? LossReason.Replaced : LossReason.Unreachable, (await AssertNextAsync<PeerLost>()).Reason);
    }

    [Fact]
    public async Task Nobody_at_the_address_is_tried_again_until_the_deadline()
    {
        Answer(() => Task.FromException(new ElasticEpException(ElasticEpErrorCode.PeerLost, "nobody")));
        _connections.Reconnect(Member);
        var lost = NextAsync();
        while (!lost.IsCompleted)
        {
            _time.Advance(TimeSpan.FromMilliseconds(100));
            await Task.Yield();
        }

        Assert.Equal((Peer, LossReason.Unreachable), Assert.IsType<PeerLost>(await lost) is var loss ? (loss.Peer, loss.Reason) : default);
        Assert.InRange(_transport.Invocations.Count, 2, int.MaxValue);
    }

    [Fact]
    public async Task An_attempt_that_two_have_requested_reports_to_both()
    {
        var answer = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Answer(() => answer.Task);
        _connections.Connect(Member);
        _connections.Reconnect(Member);
        answer.SetException(new ElasticEpException(ElasticEpErrorCode.PeerReplaced, "no"));
        await AssertNextAsync<ConnectFailed>();
        await AssertNextAsync<PeerLost>();
        Assert.Single(_transport.Invocations);
    }

    [Fact]
    public async Task A_connection_that_ends_while_its_attempt_does_is_made_again()
    {
        var calls = 0;
        Answer(() =>
        {
            if (++calls > 1)
                return Task.FromException(new ElasticEpException(ElasticEpErrorCode.PeerReplaced, "no"));
            _connections.Reconnect(Member); // it was up, and is lost again
            return Task.CompletedTask;
        });
        _connections.Connect(Member);
        await AssertNextAsync<ConnectFailed>();
        await AssertNextAsync<PeerLost>();
    }

    [Fact]
    public async Task Two_processes_of_one_rank_are_two_attempts()
    {
        var answers = new Dictionary<long, TaskCompletionSource> { [2] = new(), [3] = new() };
        _transport.Setup(transport => transport.ConnectAsync(It.IsAny<MemberId>(), "there", It.IsAny<CancellationToken>()))
            .Returns((MemberId peer, string _, CancellationToken _) => new ValueTask(answers[peer.Incarnation].Task));
        _connections.Connect(Member);
        _connections.Connect(Member with { Incarnation = 3 });
        answers[2].SetException(new ElasticEpException(ElasticEpErrorCode.PeerReplaced, "no"));
        await AssertNextAsync<ConnectFailed>();
        answers[3].SetResult();
        Assert.Equal(0, _events.Reader.Count);
    }

    private void Answer(Func<Task> answer) => _transport
        .Setup(transport => transport.ConnectAsync(Peer, "there", It.IsAny<CancellationToken>()))
        .Returns(() => new ValueTask(answer()));

    private Task<ControlEvent> NextAsync() => _events.Reader.ReadAsync().AsTask().WaitAsync(ElasticCluster.Deadline);

    private async Task<T> AssertNextAsync<T>()
        where T : ControlEvent
    {
        var next = Assert.IsType<T>(await NextAsync());
        Assert.Equal(Peer, next switch { ConnectFailed failed => failed.Peer, PeerLost lost => lost.Peer, _ => default });
        return next;
    }
}
