using ElasticEp.Transport;
using ElasticEp.Transports.Tcp.Connecting;

namespace ElasticEp.Transports.Tcp.Transport;

/// <summary>
/// A connection to one peer: three links that live and end together. It ends once, with one reason; the handler is told after its
/// last frame callback. A connection that is closed on purpose says so and stays until the other end has heard it.
/// </summary>
internal sealed class TcpConnection
{
    private static readonly TimeSpan NoticeTime = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan LingerTime = TimeSpan.FromSeconds(1);

    /// <summary>What the accepting end sends on the control link once the connection is registered there: only then frames may follow.</summary>
    public static readonly byte[] UpMark = [1];

    private readonly TcpTransport _transport;
    private readonly TcpLink[] _links;
    private readonly bool _isAccepted;
    private readonly CancellationTokenSource _closed = new();
    private readonly TaskCompletionSource _opened = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _gone = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Task[] _reading = [Task.CompletedTask, Task.CompletedTask, Task.CompletedTask];
    private int _isClosing;
    private DisconnectReason _reason;
    private string _detail = "";

    /// <param name="transport">Whose end this is.</param>
    /// <param name="id">Number of the connection, the same at both ends.</param>
    /// <param name="version">The version of the protocol that both ends have agreed on.</param>
    /// <param name="remote">Who is at the other end.</param>
    /// <param name="sockets">Control, data, weights.</param>
    /// <param name="isAccepted">Whether the other end dialed and is still to be told that the connection is up.</param>
    public TcpConnection(TcpTransport transport, long id, byte version, PeerIdentity remote, IReadOnlyList<ProvedConnection> sockets, bool isAccepted)
    {
        _isAccepted = isAccepted;
        _transport = transport;
        Id = id;
        Version = version;
        Remote = remote;
        _links = [.. sockets.Select((socket, link) => new TcpLink(_transport, socket, remote, (LinkKind)link, () => _transport.Handler, Lost, OnBroken))];
        if (isAccepted)
            _links[0].Sender.Hold();
    }

    public long Id { get; }

    public byte Version { get; }

    public PeerIdentity Remote { get; }

    /// <summary>Completes when the handler knows of it.</summary>
    public Task Opened => _opened.Task;

    /// <summary>Completes when the handler knows of its end.</summary>
    public Task Ended => _ended.Task;

    /// <summary>Completes when its sockets are closed too.</summary>
    public Task Gone => _gone.Task;

    /// <summary>Cancelled when it begins to end.</summary>
    public CancellationToken Closed => _closed.Token;

    public bool IsClosing => Volatile.Read(ref _isClosing) != 0;

    /// <summary>
    /// Tells the other end, if it waits for that, then the handler, then begins to read. It is registered already: whoever hears of
    /// the connection at either end can send.
    /// </summary>
    public async Task OpenAsync()
    {
        if (_isAccepted)
        {
            try
            {
                await _links[0].Sender.SendRawAsync(UpMark).ConfigureAwait(false);
            }
            catch (Exception exception) when (exception is IOException or System.Net.Sockets.SocketException or ObjectDisposedException)
            {
                // the end of the stream tells
            }

            _links[0].Sender.Release();
        }

        try
        {
            _transport.Handler.OnConnected(Remote);
        }
        catch (Exception exception)
        {
            _ = CloseAsync(DisconnectReason.Reset, $"a handler failed: {exception.Message}", isNotified: false);
        }

        _transport.LogConnected(Remote.Id, Remote.Address, Version);
        for (var link = 0; link < _links.Length; link++)
            _reading[link] = ReadAsync(_links[link]);
        _opened.TrySetResult();
    }

    /// <summary>Closes the sockets of a connection that was never opened.</summary>
    public void Abandon()
    {
        Interlocked.Exchange(ref _isClosing, 1);
        Array.ForEach(_links, link => link.Abort());
        _ended.TrySetResult();
        _gone.TrySetResult();
    }

    public ValueTask SendAsync(LinkKind link, in OutgoingFrame frame, CancellationToken cancellationToken) =>
        _links[(int)link].Sender.SendAsync(frame, cancellationToken);

    /// <summary>Ends it, if nothing has yet, and waits until the handler knows.</summary>
    /// <param name="reason">Why.</param>
    /// <param name="detail">Words.</param>
    /// <param name="isNotified">Whether the other end is told the reason; otherwise it sees a reset.</param>
    public Task CloseAsync(DisconnectReason reason, string detail, bool isNotified)
    {
        if (Interlocked.Exchange(ref _isClosing, 1) == 0)
        {
            (_reason, _detail) = (reason, detail);
            _ = Task.Run(() => EndAsync(isNotified));
        }

        return _ended.Task;
    }

    /// <summary>Cuts it, if nothing has ended it yet: no frame goes out any more, and what a stuck receiver has not taken is dropped.</summary>
    public void Abort(DisconnectReason reason, string detail)
    {
        if (Interlocked.Exchange(ref _isClosing, 1) != 0)
            return;
        (_reason, _detail) = (reason, detail);
        Array.ForEach(_links, link => link.Abort());
        _ = Task.Run(() => EndAsync(isNotified: false));
    }

    /// <summary>The other end knows that it is over. Its reason, if it gave one, is on its way; otherwise the connection was lost.</summary>
    public async Task FollowAsync()
    {
        await Ended.WaitAsync(NoticeTime, _transport.Time).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await CloseAsync(DisconnectReason.Reset, $"{Remote.Id} has lost the connection", isNotified: false).ConfigureAwait(false);
    }

    private async Task EndAsync(bool isNotified)
    {
        await _opened.Task.ConfigureAwait(false);
        await _closed.CancelAsync().ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing); // what a handler throws there does not keep it open
        var between = _links.Select(link => link.Sender.CloseAsync(isFollowed: isNotified && link.Kind == LinkKind.Control)).ToArray();
        if (isNotified)
            isNotified = await TrySayAsync(between[0]).ConfigureAwait(false);
        if (!isNotified)
            Array.ForEach(_links, link => link.Abort());
        await Task.WhenAll(_reading).ConfigureAwait(false);
        try
        {
            _transport.Handler.OnDisconnected(Remote, _reason, _detail);
        }
        catch (Exception exception)
        {
            _transport.LogHandlerFailed(exception, Remote.Id);
        }

        _transport.Forget(this);
        _ended.TrySetResult();

        if (isNotified)
        {
            _links[0].EndSending();
            using var enough = new CancellationTokenSource(LingerTime, _transport.Time);
            await _links[0].Receiver.DrainAsync(enough.Token).ConfigureAwait(false);
        }

        Array.ForEach(_links, link => link.Dispose());
        _gone.TrySetResult();
    }

    /// <summary>Says goodbye, unless a frame is stuck half-way: then the other end will see a reset.</summary>
    private async Task<bool> TrySayAsync(Task betweenFrames)
    {
        try
        {
            await betweenFrames.WaitAsync(NoticeTime, _transport.Time).ConfigureAwait(false);
            await _links[0].Sender.SendRawAsync(LinkNotice.Encode(_reason, _detail)).AsTask().WaitAsync(NoticeTime, _transport.Time).ConfigureAwait(false);
            return true;
        }
        catch (Exception exception) when (exception is TimeoutException or IOException or System.Net.Sockets.SocketException or ObjectDisposedException or InvalidOperationException)
        {
            return false;
        }
    }

    private async Task ReadAsync(TcpLink link)
    {
        await Task.Yield(); // not on the thread that opens the connection
        var end = await link.Receiver.RunAsync(_closed.Token).ConfigureAwait(false);
        if (IsClosing)
            return;
        if (end.IsTold)
            _ = CloseAsync(end.Reason, end.Detail, isNotified: false);
        else
            _ = CloseAsync(end.Reason, $"{link.Kind} link of {Remote.Id}: {end.Detail}", isNotified: end.Reason == DisconnectReason.ProtocolError);
    }

    private void OnBroken(Exception cause) => _ = CloseAsync(DisconnectReason.Reset, cause.Message, isNotified: false);

    /// <summary>What a send fails with when this has ended.</summary>
    public ElasticEpException Lost(Exception? cause) =>
        new(ElasticEpErrorCode.PeerLost, $"The connection to {Remote.Id} has ended ({_reason}): {(_detail.Length > 0 ? _detail : cause?.Message)}.", cause) { Rank = Remote.Id.Rank };
}
