using System.Collections.Concurrent;
using ElasticEp.Protocol;
using ElasticEp.Transport;

namespace ElasticEp.Tests.Cluster;

/// <summary>Which links the messages of a group take.</summary>
public sealed class LinkUseTests
{
    private static readonly CancellationToken Token = TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_messages_of_a_transition_leave_the_control_link()
    {
        var used = await ResizeAsync();
        Assert.Equal([LinkKind.Weights], used[typeof(PrepareMessage)]);
        Assert.Equal([LinkKind.Weights], used[typeof(StartMessage)]);
        Assert.Equal([LinkKind.Weights], used[typeof(DrainMessage)]);
        Assert.Equal([LinkKind.Control], used[typeof(PreparationMessage)]);
        Assert.Equal([LinkKind.Control], used[typeof(CompletedMessage)]);
    }

    /// <summary>Grows to three ranks and shrinks to two.</summary>
    private static async Task<IReadOnlyDictionary<Type, IReadOnlyCollection<LinkKind>>> ResizeAsync()
    {
        var used = new ConcurrentDictionary<(Type, LinkKind), bool>();
        var hub = new InProcessTransportHub();
        await using var cluster = await ElasticCluster.StartAsync(createTransport: () => new WatchedTransport(new InProcessTransport(hub), used));
        foreach (var size in (int[])[3, 2])
        {
            var result = await cluster.Client.ScaleAsync(size, cancellationToken: Token).WaitAsync(ElasticCluster.Deadline, Token);
            Assert.True(result.Outcome == ScalePhase.Completed, result.Reason);
            await cluster.WaitForStepsAsync(5);
        }

        return used.Keys.GroupBy(key => key.Item1).ToDictionary(group => group.Key, group => (IReadOnlyCollection<LinkKind>)[.. group.Select(key => key.Item2).Order()]);
    }

    /// <summary>Notes on which link each kind of message goes out.</summary>
    private sealed class WatchedTransport(ITransport inner, ConcurrentDictionary<(Type, LinkKind), bool> used) : ITransport
    {
        public string Address => inner.Address;

        public ValueTask StartAsync(PeerIdentity self, ITransportHandler handler, CancellationToken cancellationToken) => inner.StartAsync(self, handler, cancellationToken);

        public ValueTask ConnectAsync(MemberId peer, string address, CancellationToken cancellationToken) => inner.ConnectAsync(peer, address, cancellationToken);

        public ValueTask DisconnectAsync(MemberId peer, CancellationToken cancellationToken) => inner.DisconnectAsync(peer, cancellationToken);

        public void Abort(MemberId peer, DisconnectReason reason, string detail) => inner.Abort(peer, reason, detail);

        public bool CanUse(MemoryKind kind) => inner.CanUse(kind);

        public IDisposable Register(EpBuffer memory) => inner.Register(memory);

        public ValueTask SendAsync(MemberId peer, LinkKind link, FrameHead head, ReadOnlyMemory<EpBuffer> metadata, ReadOnlyMemory<EpBuffer> rows, CancellationToken cancellationToken)
        {
            if (FrameHeader.Read(new FrameInfo(head, 0, 0)).Operation == FrameOperation.Protocol)
                used[(MessageCodec.Decode([.. metadata.ToArray().SelectMany(segment => segment.AsSpan<byte>().ToArray())]).GetType(), link)] = true;
            return inner.SendAsync(peer, link, head, metadata, rows, cancellationToken);
        }

        public ValueTask DisposeAsync() => inner.DisposeAsync();
    }
}
