using ElasticEp.Samples.Serving.Messages;
using Moq;

namespace ElasticEp.Samples.Tests.Serving;

/// <summary>The order of messages to one receiver, whatever happens to its link.</summary>
public sealed class OutboxTests
{
    private static readonly MemberId Receiver = new(1, 1);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly List<TaskCompletionSource> _underWay = [];
    private readonly SemaphoreSlim _begun = new(0);
    private readonly List<int> _topics = [];
    private readonly List<int> _notSent = [];
    private readonly Outbox _outbox;

    public OutboxTests()
    {
        var messenger = new Mock<IGroupMessenger>();
        messenger.Setup(group => group.SendAsync(Receiver, It.IsAny<int>(), It.IsAny<ReadOnlyMemory<byte>>(), It.IsAny<CancellationToken>()))
            .Returns((MemberId _, int topic, ReadOnlyMemory<byte> _, CancellationToken _) => Begin(topic));
        _outbox = new Outbox(Mock.Of<IElasticGroupClient>(group => group.Messenger == messenger.Object), (_, topic, _, _) => _notSent.Add(topic));
    }

    [Fact]
    public async Task Nothing_overtakes_what_is_under_way_when_the_receiver_was_given_up()
    {
        _outbox.Send(Receiver, 1, default);
        _outbox.Send(Receiver, 2, default);
        Assert.True(await _begun.WaitAsync(Patience, TestContext.Current.CancellationToken));
        _outbox.Close(Receiver);
        _outbox.Send(Receiver, 3, default);
        _outbox.Send(Receiver, 4, default);
        Assert.Equal([1], _topics);

        _underWay[0].SetException(new ElasticEpException(ElasticEpErrorCode.PeerLost, "the link was lost"));
        Assert.True(await _begun.WaitAsync(Patience, TestContext.Current.CancellationToken));
        Assert.Equal([1, 3], _topics); // 2 was for the receiver that was given up
        Assert.Equal([1], _notSent);
        _underWay[1].SetResult();
        Assert.True(await _begun.WaitAsync(Patience, TestContext.Current.CancellationToken));
        Assert.Equal([1, 3, 4], _topics);
        _underWay[2].SetResult();
    }

    private ValueTask Begin(int topic)
    {
        var sent = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _underWay.Add(sent);
        _topics.Add(topic);
        _begun.Release();
        return new ValueTask(sent.Task);
    }
}
