using System.Runtime.CompilerServices;

namespace ElasticEp.Transport;

/// <summary>The connection of two transports: three lanes each way. Closes once; each end is told once, after its last frame.</summary>
internal sealed class InProcessConnection
{
    private static readonly Lock Opening = new();

    private readonly InProcessTransport _a;
    private readonly InProcessTransport _b;
    private readonly SemaphoreSlim[] _lanes = [new(1, 1), new(1, 1), new(1, 1), new(1, 1), new(1, 1), new(1, 1)];
    private readonly CancellationTokenSource _closed = new();
    private readonly TaskCompletionSource _opened = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _quiet = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _inProgress = 1; // one for the connection itself
    private int _isClosing;
    private DisconnectReason _reason;
    private string _detail = "";

    private InProcessConnection(InProcessTransport a, InProcessTransport b) => (_a, _b) = (a, b);

    /// <summary>Completes when both ends know of the connection.</summary>
    public Task Opened => _opened.Task;

    /// <summary>Whether it is up and has an end at this address.</summary>
    public bool IsOpenTo(string address) => _opened.Task.IsCompleted && Volatile.Read(ref _isClosing) == 0 && (_a.Address == address || _b.Address == address);

    /// <summary>
    /// Connects two ends, or returns the connection that they have. A connection that is closing is waited for, so that each end
    /// hears of its end before it hears of the next one.
    /// </summary>
    public static async Task<InProcessConnection> OpenAsync(InProcessTransport a, InProcessTransport b, CancellationToken cancellationToken)
    {
        InProcessConnection? opened;
        while (true)
        {
            InProcessConnection? older;
            lock (Opening)
            {
                if (!b.Connections.TryGetValue(a.Self!.Peer, out older) && !a.Connections.TryGetValue(b.Self!.Peer, out older))
                {
                    opened = new InProcessConnection(a, b);
                    opened.TryEnter(); // its end is told after its beginning
                    a.Connections[b.Self!.Peer] = opened;
                    b.Connections[a.Self.Peer] = opened;
                    break;
                }
            }

            if (older.IsBetween(a, b) && Volatile.Read(ref older._isClosing) == 0)
                return older;
            await older.CloseForAsync(a, b).WaitAsync(cancellationToken).ConfigureAwait(false);
        }

        a.Handler.OnConnected(b.Self!);
        b.Handler.OnConnected(a.Self!);
        opened._opened.TrySetResult();
        opened.Exit();
        return opened;
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    public async ValueTask SendAsync(InProcessTransport sender, LinkKind link, FrameHeader header, ReadOnlyMemory<EpBuffer> segments, CancellationToken cancellationToken)
    {
        var isForward = ReferenceEquals(sender, _a);
        var receiver = isForward ? _b : _a;
        var lane = _lanes[(isForward ? 0 : 3) + (int)link];
        if (!TryEnter())
            throw Lost(receiver);
        try
        {
            if (!lane.Wait(0, CancellationToken.None))
                await WaitAsync(lane, receiver, cancellationToken).ConfigureAwait(false);
            try
            {
                await DeliverAsync(sender.Self!, receiver, link, header, segments).ConfigureAwait(false);
            }
            finally
            {
                lane.Release();
            }
        }
        finally
        {
            Exit();
        }
    }

    public async Task CloseAsync(DisconnectReason reason, string detail)
    {
        if (Interlocked.Exchange(ref _isClosing, 1) == 0)
        {
            (_reason, _detail) = (reason, detail);
            await _closed.CancelAsync().ConfigureAwait(false);
            Exit();
        }

        await _quiet.Task.ConfigureAwait(false);
    }

    private bool IsBetween(InProcessTransport a, InProcessTransport b) =>
        (ReferenceEquals(a, _a) && ReferenceEquals(b, _b)) || (ReferenceEquals(a, _b) && ReferenceEquals(b, _a));

    /// <summary>This connection is in the way of one between two ends: an older incarnation gives way, a newer one does not.</summary>
    private Task CloseForAsync(InProcessTransport a, InProcessTransport b)
    {
        if (Volatile.Read(ref _isClosing) != 0)
            return _quiet.Task;
        foreach (var (mine, other) in (ReadOnlySpan<(PeerIdentity, PeerIdentity)>)[(_a.Self!, a.Self!), (_a.Self!, b.Self!), (_b.Self!, a.Self!), (_b.Self!, b.Self!)])
        {
            if (mine.Peer == other.Peer && mine.Incarnation > other.Incarnation)
                throw new ElasticEpException(ElasticEpErrorCode.Incompatible, $"Peer {other.Peer} has a newer incarnation {mine.Incarnation}; incarnation {other.Incarnation} is refused.") { Rank = other.Peer };
        }

        return CloseAsync(DisconnectReason.Replaced, "a newer incarnation has connected");
    }

    private async ValueTask WaitAsync(SemaphoreSlim lane, InProcessTransport receiver, CancellationToken cancellationToken)
    {
        using var either = cancellationToken.CanBeCanceled ? CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _closed.Token) : null;
        try
        {
            await lane.WaitAsync(either?.Token ?? _closed.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw Lost(receiver);
        }
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private async ValueTask DeliverAsync(PeerIdentity sender, InProcessTransport receiver, LinkKind link, FrameHeader header, ReadOnlyMemory<EpBuffer> segments)
    {
        if (_closed.IsCancellationRequested)
            throw Lost(receiver);
        FrameTarget target;
        try
        {
            target = await receiver.Handler.OnFrameAsync(sender, link, header, _closed.Token).ConfigureAwait(false);
        }
        catch (ElasticEpException violation) when (!_closed.IsCancellationRequested)
        {
            _ = CloseAsync(DisconnectReason.ProtocolError, violation.Message);
            throw Lost(receiver);
        }
        catch (OperationCanceledException) when (_closed.IsCancellationRequested)
        {
            throw Lost(receiver);
        }

        if (!target.IsWanted)
            return;
        if (_closed.IsCancellationRequested)
        {
            receiver.Handler.OnFrameAborted(sender, link, header, target.Buffer);
            throw Lost(receiver);
        }

        Copy(segments.Span, target.Buffer);
        try
        {
            receiver.Handler.OnFrameCompleted(sender, link, header, target.Buffer);
        }
        catch (ElasticEpException violation)
        {
            _ = CloseAsync(DisconnectReason.ProtocolError, violation.Message);
            throw Lost(receiver);
        }
    }

    private static void Copy(ReadOnlySpan<EpBuffer> segments, EpBuffer destination)
    {
        const int Piece = 1 << 30;
        long at = 0;
        foreach (var segment in segments)
        {
            for (long done = 0; done < segment.ByteLength; done += Piece)
            {
                var length = (int)Math.Min(Piece, segment.ByteLength - done);
                segment.AsSpan<byte>(done, length).CopyTo(destination.AsSpan<byte>(at + done, length));
            }

            at += segment.ByteLength;
        }
    }

    private bool TryEnter()
    {
        var count = Volatile.Read(ref _inProgress);
        while (count > 0)
        {
            var seen = Interlocked.CompareExchange(ref _inProgress, count + 1, count);
            if (seen == count)
                return true;
            count = seen;
        }

        return false;
    }

    private void Exit()
    {
        if (Interlocked.Decrement(ref _inProgress) != 0)
            return;
        _a.Handler.OnDisconnected(_b.Self!, _reason, _detail);
        _b.Handler.OnDisconnected(_a.Self!, _reason, _detail);
        _a.Connections.TryRemove(new(_b.Self!.Peer, this));
        _b.Connections.TryRemove(new(_a.Self!.Peer, this));
        _opened.TrySetResult();
        _quiet.TrySetResult();
    }

    private ElasticEpException Lost(InProcessTransport receiver) =>
        new(ElasticEpErrorCode.PeerLost, $"The connection to peer {receiver.Self!.Peer} has ended ({_reason}): {_detail}.") { Rank = receiver.Self.Peer };
}
