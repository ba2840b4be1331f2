namespace ElasticEp.Transport;

/// <summary>
/// The connection of two transports: three lanes each way. It closes once; each end is told once, after its last frame.
/// No callback runs under a lock.
/// </summary>
internal sealed class InProcessConnection
{
    private const int Links = 3;

    private readonly InProcessTransport _a;
    private readonly InProcessTransport _b;
    private readonly InProcessLane[] _lanes = new InProcessLane[2 * Links];
    private readonly CancellationTokenSource _closed = new();
    private readonly TaskCompletionSource _opened = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _users = 2; // the connection itself, and its opening: nobody hears of the end before the beginning
    private int _isClosing;
    private DisconnectReason _reason;
    private string _detail = "";

    public InProcessConnection(InProcessTransport a, InProcessTransport b)
    {
        (_a, _b) = (a, b);
        for (var link = 0; link < Links; link++)
        {
            _lanes[link] = new InProcessLane(this, a, b, (LinkKind)link);
            _lanes[Links + link] = new InProcessLane(this, b, a, (LinkKind)link);
        }
    }

    /// <summary>Completes when both ends know of the connection.</summary>
    public Task Opened => _opened.Task;

    /// <summary>Whether it is on its way out; <see cref="Ended"/> follows.</summary>
    public bool IsClosing => Volatile.Read(ref _isClosing) != 0;

    /// <summary>Completes when both ends know of the end.</summary>
    public Task Ended => _ended.Task;

    /// <summary>Cancelled when it closes.</summary>
    public CancellationToken Closed => _closed.Token;

    public bool Joins(InProcessTransport a, InProcessTransport b) =>
        (ReferenceEquals(a, _a) && ReferenceEquals(b, _b)) || (ReferenceEquals(a, _b) && ReferenceEquals(b, _a));

    /// <summary>Whether it is up and has an end at this address.</summary>
    public bool IsOpenTo(string address) => Opened.IsCompleted && !IsClosing && (_a.Address == address || _b.Address == address);

    public InProcessLane Lane(InProcessTransport sender, LinkKind link) => _lanes[(ReferenceEquals(sender, _a) ? 0 : Links) + (int)link];

    /// <summary>Tells both ends; frames that are sent meanwhile wait.</summary>
    public void Open()
    {
        try
        {
            try
            {
                _a.Handler.OnConnected(_b.Self!);
            }
            finally
            {
                _b.Handler.OnConnected(_a.Self!);
            }
        }
        catch (Exception exception)
        {
            _ = CloseAsync(DisconnectReason.Reset, $"a handler failed: {exception.Message}");
            throw;
        }
        finally
        {
            _opened.TrySetResult();
            Exit();
        }
    }

    /// <summary>Closes it, if nobody has yet, and waits until both ends know.</summary>
    public async Task CloseAsync(DisconnectReason reason, string detail)
    {
        if (Interlocked.Exchange(ref _isClosing, 1) == 0)
        {
            (_reason, _detail) = (reason, detail);
            await _closed.CancelAsync().ConfigureAwait(false);
            Exit();
        }

        await _ended.Task.ConfigureAwait(false);
    }

    /// <summary>Holds off the end while a frame is on its way; false when it is too late.</summary>
    public bool TryEnter()
    {
        var count = Volatile.Read(ref _users);
        while (count > 0)
        {
            var seen = Interlocked.CompareExchange(ref _users, count + 1, count);
            if (seen == count)
                return true;
            count = seen;
        }

        return false;
    }

    /// <summary>The other half of <see cref="TryEnter"/>: whoever leaves last tells both ends.</summary>
    public void Exit()
    {
        if (Interlocked.Decrement(ref _users) != 0)
            return;
        try
        {
            try
            {
                _a.Handler.OnDisconnected(_b.Self!, _reason, _detail);
            }
            finally
            {
                _b.Handler.OnDisconnected(_a.Self!, _reason, _detail);
            }
        }
        finally
        {
            _a.Connections.TryRemove(new(_b.Self!.Peer, this));
            _b.Connections.TryRemove(new(_a.Self!.Peer, this));
            _ended.TrySetResult();
        }
    }

    /// <summary>This connection is in the way of one between two other ends, which must be a newer one.</summary>
    /// <exception cref="ElasticEpException">Another process has the same number and incarnation.</exception>
    public void CheckReplacement(InProcessTransport a, InProcessTransport b)
    {
        foreach (var mine in (ReadOnlySpan<InProcessTransport>)[_a, _b])
        {
            foreach (var other in (ReadOnlySpan<InProcessTransport>)[a, b])
            {
                if (mine != other && mine.Self!.Peer == other.Self!.Peer && mine.Self.Incarnation == other.Self.Incarnation)
                    throw Handshake.Incompatible($"the process at {mine.Address} is connected as peer {mine.Self.Peer}, incarnation {mine.Self.Incarnation}, and {other.Address} claims the same", other.Self.Peer);
            }
        }
    }

    /// <summary>What a sender is told whose frame did not get through.</summary>
    public ElasticEpException Lost(InProcessTransport receiver, Exception? cause = null) =>
        new(ElasticEpErrorCode.PeerLost, $"The connection to peer {receiver.Self!.Peer} has ended ({_reason}): {_detail}.", cause) { Rank = receiver.Self.Peer };
}
