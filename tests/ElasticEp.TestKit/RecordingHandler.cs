using System.Collections.Concurrent;
using System.Threading.Channels;
using ElasticEp.Transport;

namespace ElasticEp.TestKit;

/// <summary>
/// Notes everything that a transport delivers, lets a test decide on each frame, and watches over the contract: callbacks of
/// one link never overlap, frames come between the two ends of a connection, every delivery is completed or aborted.
/// </summary>
public sealed class RecordingHandler : ITransportHandler
{
    private readonly Channel<string> _connections = Channel.CreateUnbounded<string>();
    private readonly Channel<(SuiteFrame Header, byte[] Payload)> _frames = Channel.CreateUnbounded<(SuiteFrame, byte[])>();
    private readonly Channel<SuiteFrame> _asked = Channel.CreateUnbounded<SuiteFrame>();
    private readonly Lock _lock = new();
    private readonly Dictionary<MemberId, PeerIdentity> _up = [];
    private readonly HashSet<(MemberId Peer, LinkKind Link)> _asking = [];
    private readonly HashSet<(MemberId Peer, LinkKind Link)> _delivering = [];
    private int _aborted;

    /// <summary>Decides on a frame; delivers all by default.</summary>
    public Func<LinkKind, SuiteFrame, CancellationToken, ValueTask<FrameTarget>>? OnFrame { get; set; }

    /// <summary>Called when a payload is complete, on the transport's thread.</summary>
    public Action<SuiteFrame>? OnCompleted { get; set; }

    /// <summary>Called when a connection is up, on the transport's thread.</summary>
    public Action<PeerIdentity>? OnUp { get; set; }

    /// <summary>Called when a connection is down, on the transport's thread.</summary>
    public Action<PeerIdentity>? OnDown { get; set; }

    /// <summary>Everything in the order in which it came.</summary>
    public ConcurrentQueue<string> Log { get; } = new();

    /// <summary>Why connections ended, in the transport's words.</summary>
    public ConcurrentQueue<string> Details { get; } = new();

    /// <summary>What the transport did against its contract.</summary>
    public ConcurrentQueue<string> Violations { get; } = new();

    /// <summary>Deliveries that were neither completed nor aborted yet.</summary>
    public int OpenDeliveries
    {
        get
        {
            lock (_lock)
                return _delivering.Count;
        }
    }

    /// <summary>Deliveries that were aborted.</summary>
    public int Aborted => Volatile.Read(ref _aborted);

    /// <summary>Connections whose end was not told yet.</summary>
    public int OpenConnections
    {
        get
        {
            lock (_lock)
                return _up.Count;
        }
    }

    /// <summary>Memory for a frame.</summary>
    public static FrameTarget Deliver(in SuiteFrame frame) => FrameTarget.Deliver(Memory(frame.MetadataLength), Memory(frame.RowsLength));

    public void OnConnected(PeerIdentity peer)
    {
        lock (_lock)
            Expect(_up.TryAdd(peer.Id, peer), $"{peer.Id} is up twice");
        Note($"up {peer.Id.Rank}/{peer.Id.Incarnation}");
        OnUp?.Invoke(peer);
    }

    public void OnDisconnected(PeerIdentity peer, DisconnectReason reason, string detail)
    {
        lock (_lock)
        {
            Expect(_up.Remove(peer.Id, out var known) && known == peer, $"{peer.Id} is down, but was not up");
            Expect(!_asking.Any(frame => frame.Peer == peer.Id), $"{peer.Id} is down while an answer is pending");
            Expect(!_delivering.Any(frame => frame.Peer == peer.Id), $"{peer.Id} is down while a payload is on its way");
        }

        Details.Enqueue(detail);
        Note($"down {peer.Id.Rank}/{peer.Id.Incarnation} {reason}");
        OnDown?.Invoke(peer);
    }

    public async ValueTask<FrameTarget> OnFrameAsync(PeerIdentity peer, LinkKind link, FrameInfo frame, CancellationToken cancellationToken)
    {
        var header = SuiteFrame.Read(frame);
        lock (_lock)
        {
            Expect(_up.GetValueOrDefault(peer.Id) == peer, $"frame {header.Step} of {peer.Id}, which is not up");
            Expect(!_delivering.Contains((peer.Id, link)), $"frame {header.Step} overtakes a payload of {peer.Id} on {link}");
            Expect(_asking.Add((peer.Id, link)), $"two answers are pending on {link} of {peer.Id}");
        }

        _asked.Writer.TryWrite(header);
        var target = FrameTarget.Discard;
        try
        {
            target = OnFrame is null ? Deliver(header) : await OnFrame(link, header, cancellationToken);
            return target;
        }
        finally
        {
            lock (_lock)
            {
                _asking.Remove((peer.Id, link));
                if (target.IsWanted)
                    _delivering.Add((peer.Id, link));
            }
        }
    }

    public void OnFrameCompleted(PeerIdentity peer, LinkKind link, in FrameInfo frame, in FrameTarget target)
    {
        var header = SuiteFrame.Read(frame);
        EndDelivery(peer, link, header);
        var (metadata, rows) = (target.Metadata, target.Rows);
        Expect((metadata.ByteLength, rows.ByteLength) == (header.MetadataLength, header.RowsLength), $"frame {header.Step} has {metadata.ByteLength} + {rows.ByteLength} bytes");
        Log.Enqueue($"frame {header.Step}");
        _frames.Writer.TryWrite((header, [.. metadata.AsSpan<byte>(), .. rows.AsSpan<byte>()]));
        OnCompleted?.Invoke(header);
    }

    public void OnFrameAborted(PeerIdentity peer, LinkKind link, in FrameInfo frame, in FrameTarget target)
    {
        var header = SuiteFrame.Read(frame);
        EndDelivery(peer, link, header);
        Interlocked.Increment(ref _aborted);
        Log.Enqueue($"aborted {header.Step}");
    }

    /// <summary>The next connection event.</summary>
    public Task<string> NextConnectionAsync() => NextAsync(_connections);

    /// <summary>The next complete frame.</summary>
    public Task<(SuiteFrame Header, byte[] Payload)> NextFrameAsync() => NextAsync(_frames);

    /// <summary>The next frame that was asked about, whatever the answer is or will be.</summary>
    public Task<SuiteFrame> NextAskedAsync() => NextAsync(_asked);

    /// <summary>Lets go of all frames and words that nobody has asked for.</summary>
    public void Forget()
    {
        while (_frames.Reader.TryRead(out _) || _asked.Reader.TryRead(out _))
        {
        }

        Log.Clear();
    }

    /// <summary>Fails unless everything that began has ended, and by the rules.</summary>
    public void AssertQuiet()
    {
        Assert.Empty(Violations);
        Assert.Equal(0, OpenDeliveries);
        Assert.Equal(0, OpenConnections);
    }

    private static async Task<T> NextAsync<T>(Channel<T> channel) =>
        await channel.Reader.ReadAsync(TestContext.Current.CancellationToken).AsTask().WaitAsync(TransportConformance.Deadline);

    private static EpBuffer Memory(long length) => length == 0 ? default : EpBuffer.From(new byte[length]);

    private void EndDelivery(PeerIdentity peer, LinkKind link, in SuiteFrame header)
    {
        lock (_lock)
        {
            Expect(_delivering.Remove((peer.Id, link)), $"frame {header.Step} of {peer.Id} on {link} ends, but had not begun");
            Expect(_up.GetValueOrDefault(peer.Id) == peer, $"frame {header.Step} of {peer.Id} ends after its connection");
        }
    }

    private void Expect(bool isTrue, string otherwise)
    {
        if (!isTrue)
            Violations.Enqueue(otherwise);
    }

    private void Note(string what)
    {
        Log.Enqueue(what);
        _connections.Writer.TryWrite(what);
    }
}
