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
    private (DisconnectReason Reason, string Detail) _endOfA;
    private (DisconnectReason Reason, string Detail) _endOfB;

    public InProcessConnection(InProcessTransport a, InProcessTransport b)
    {
        _a = a;
        _b = b;
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

    /// <summary>Whether both ends know of it, and it is not on its way out.</summary>
    public bool IsUp => Opened.IsCompleted && !IsClosing;

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
    public Task CloseAsync(DisconnectReason reason, string detail) => EndAsync((reason, detail), (reason, detail));

    /// <summary>One end cuts it: the other one sees a reset.</summary>
    public Task AbortAsync(InProcessTransport by, DisconnectReason reason, string detail)
    {
        var other = (DisconnectReason.Reset, $"{by.Self!.Id} has cut the connection");
        return ReferenceEquals(by, _a) ? EndAsync((reason, detail), other) : EndAsync(other, (reason, detail));
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
                _a.Handler.OnDisconnected(_b.Self!, _endOfA.Reason, _endOfA.Detail);
            }
            finally
            {
                _b.Handler.OnDisconnected(_a.Self!, _endOfB.Reason, _endOfB.Detail);
            }
        }
        finally
        {
            _a.Connections.TryRemove(new(_b.Self!.Id, this));
            _b.Connections.TryRemove(new(_a.Self!.Id, this));
            _ended.TrySetResult();
        }
    }

    /// <summary>What a sender gets whose frame did not get through.</summary>
    public ElasticEpException Lost(InProcessTransport receiver, Exception? cause = null)
    {
        var (reason, detail) = ReferenceEquals(receiver, _a) ? _endOfB : _endOfA;
        return new(ElasticEpErrorCode.PeerLost, $"The connection to {receiver.Self!.Id} has ended ({reason}): {detail}.", cause) { Rank = receiver.Self.Id.Rank };
    }

    private async Task EndAsync((DisconnectReason, string) ofA, (DisconnectReason, string) ofB)
    {
        if (Interlocked.Exchange(ref _isClosing, 1) == 0)
        {
            (_endOfA, _endOfB) = (ofA, ofB);
            await _closed.CancelAsync().ConfigureAwait(false);
            Exit();
        }

        await _ended.Task.ConfigureAwait(false);
    }
}
