using System.Collections.Concurrent;
using ElasticEp.Protocol;
using ElasticEp.Runtime;
using ElasticEp.Tests.Membership;
using ElasticEp.Transport;
using Moq;

namespace ElasticEp.Tests.Runtime;

/// <summary>Messages with views are encoded elsewhere than where they are sent, and keep their order all the same.</summary>
public sealed class LongMessageSenderTests
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(30);
    private static readonly MemberId Peer = TestViews.Id(1);
    private static readonly GroupView View = TestViews.View(1, 0, 1);
    private static readonly PrepareMessage Prepare = new("op", 0, BaseView.Of(View), TestViews.View(2, 0, 1), [], TimeSpan.Zero);

    private readonly ConcurrentQueue<(MemberId Peer, Type Message, TaskCompletionSource Sent)> _taken = [];
    private readonly SemaphoreSlim _news = new(0);
    private readonly LongMessageSender _sender;
    private int _thread = -1; // that is in a call of the sender
    private bool _isOnCaller; // something was taken on it

    public LongMessageSenderTests()
    {
        var transport = new Mock<ITransport>();
        transport.Setup(transport => transport.SendAsync(It.IsAny<MemberId>(), LinkKind.Weights, It.IsAny<FrameHead>(), It.IsAny<ReadOnlyMemory<EpBuffer>>(), It.IsAny<ReadOnlyMemory<EpBuffer>>(), It.IsAny<CancellationToken>()))
            .Returns((MemberId peer, LinkKind _, FrameHead _, ReadOnlyMemory<EpBuffer> metadata, ReadOnlyMemory<EpBuffer> _, CancellationToken _) => Take(peer, metadata));
        _sender = new LongMessageSender(transport.Object);
    }

    [Fact]
    public async Task A_message_with_a_view_is_not_encoded_on_the_callers_thread()
    {
        foreach (var message in (ProtocolMessage[])[Prepare, new StartMessage(View, 1, "", 0)])
        {
            var sending = Send(Peer, message);
            (await NextAsync()).Sent.SetResult();
            await sending.WaitAsync(Deadline);
        }

        Assert.False(_isOnCaller);
    }

    [Fact]
    public async Task A_short_message_goes_at_once_when_nothing_is_before_it()
    {
        var sending = Send(Peer, new AbortMessage("op", "why"));
        Assert.True(_isOnCaller);
        (await NextAsync()).Sent.SetResult();
        await sending.WaitAsync(Deadline);
    }

    [Fact]
    public async Task Messages_to_one_peer_go_out_in_the_order_in_which_they_were_sent()
    {
        ProtocolMessage[] messages = [Prepare, new DrainMessage("op"), new AbortMessage("op", "why"), Prepare, new StartMessage(View, 1, "", 0), new AbortMessage("op", "again")];
        var sending = messages.Select(message => Send(Peer, message)).ToArray();
        foreach (var message in messages)
        {
            var (_, type, sent) = await NextAsync();
            Assert.Equal(message.GetType(), type);
            Assert.Empty(_taken); // the next one waits until this one is out
            sent.SetResult();
        }

        await Task.WhenAll(sending).WaitAsync(Deadline);
        Assert.False(_isOnCaller);
    }

    [Fact]
    public async Task A_peer_that_takes_nothing_holds_up_nobody_else()
    {
        var held = Send(Peer, Prepare);
        var (_, _, sent) = await NextAsync();
        var other = Send(TestViews.Id(2), Prepare);
        var next = await NextAsync();
        Assert.Equal(TestViews.Id(2), next.Peer);
        next.Sent.SetResult();
        await other.WaitAsync(Deadline);
        Assert.False(held.IsCompleted);
        sent.SetResult();
        await held.WaitAsync(Deadline);
    }

    [Fact]
    public async Task A_message_that_fails_fails_alone()
    {
        var (first, second) = (Send(Peer, Prepare), Send(Peer, new DrainMessage("op")));
        (await NextAsync()).Sent.SetException(new ElasticEpException(ElasticEpErrorCode.PeerLost, "gone"));
        await Assert.ThrowsAsync<ElasticEpException>(() => first.WaitAsync(Deadline));
        (await NextAsync()).Sent.SetResult();
        await second.WaitAsync(Deadline);
    }

    private Task Send(MemberId peer, ProtocolMessage message)
    {
        Volatile.Write(ref _thread, Environment.CurrentManagedThreadId);
        var sending = _sender.SendAsync(peer, message, CancellationToken.None);
        Volatile.Write(ref _thread, -1);
        return sending;
    }

    private ValueTask Take(MemberId peer, ReadOnlyMemory<EpBuffer> segments)
    {
        if (Volatile.Read(ref _thread) == Environment.CurrentManagedThreadId)
            _isOnCaller = true;
        var sent = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _taken.Enqueue((peer, MessageCodec.Decode([.. segments.ToArray().SelectMany(segment => segment.AsSpan<byte>().ToArray())]).GetType(), sent));
        _news.Release();
        return new ValueTask(sent.Task);
    }

    private async Task<(MemberId Peer, Type Message, TaskCompletionSource Sent)> NextAsync()
    {
        Assert.True(await _news.WaitAsync(Deadline));
        Assert.True(_taken.TryDequeue(out var next));
        return next;
    }
}
