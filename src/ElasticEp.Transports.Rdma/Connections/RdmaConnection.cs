using ElasticEp.Transport;
using ElasticEp.Transports.Rdma.Links;
using ElasticEp.Transports.Rdma.Workers;

namespace ElasticEp.Transports.Rdma.Connections;

/// <summary>
/// A connection to one peer: one of the control transport, and two links over UCX that live and end with it. Whatever ends one of them ends the
/// control transport's connection, and its end is the only way in which this one ends.
/// </summary>
internal sealed partial class RdmaConnection : ILinkOwner
{
    private static readonly TimeSpan NoticeTime = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan ApartTime = TimeSpan.FromMilliseconds(500); // it takes milliseconds, and ending the worker costs others nothing
    private static readonly TimeSpan LetGoTime = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan CloseTime = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan SlowTime = TimeSpan.FromSeconds(12); // what UCX held up has ended by then

    private readonly RdmaTransport _transport;
    private RdmaConnection? _previous;
    private readonly CancellationTokenSource _closed = new();
    private readonly TaskCompletionSource _opened = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lock _lock = new();
    private RdmaLink[] _links = [];
    private UcxWorker? _apart; // of this connection alone
    private Task _setUp = Task.CompletedTask;
    private int _hasFailed;
    private volatile bool _canSend;
    private bool _isUp; // the handler knows
    private volatile bool _isEnding;
    private DisconnectReason _reason;
    private string _detail = "";

    /// <param name="transport">Whose end this is.</param>
    /// <param name="remote">Who is at the other end.</param>
    /// <param name="previous">The last connection to it, whose end is reported before anything of this one.</param>
    public RdmaConnection(RdmaTransport transport, PeerIdentity remote, RdmaConnection? previous)
    {
        _transport = transport;
        Remote = remote;
        _previous = previous;
    }

    public PeerIdentity Remote { get; }

    public ITransport Transport => _transport;

    public ITransportHandler Handler => _transport.Handler;

    public TimeProvider Time => _transport.Time;

    public CancellationToken Closed => _closed.Token;

    /// <summary>Completes when the handler knows of it; fails when it ends before.</summary>
    public Task Opened => _opened.Task;

    /// <summary>Completes when the handler knows of its end.</summary>
    public Task Ended => _ended.Task;

    /// <summary>Whether frames may be sent: before anybody at either end hears of the connection, until it begins to end.</summary>
    public bool CanSend => _canSend && !_isEnding;

    /// <summary>The data and the weights link, as soon as they are made.</summary>
    internal IReadOnlyList<RdmaLink> Links => _links;

    public LinkSender Sender(LinkKind link) => _links[link == LinkKind.Data ? 0 : 1].Sender;

    /// <summary>The control transport is connected: sets the links up.</summary>
    public void Begin() => _setUp = Task.Run(SetUpAsync);

    /// <summary>The control transport's connection has ended.</summary>
    public void End(DisconnectReason reason, string detail)
    {
        lock (_lock)
        {
            if (_isEnding)
                return;
            _isEnding = true;
            _reason = reason;
            _detail = detail;
        }

        _ = Task.Run(EndAsync);
    }

    public void OnLinkFailed(DisconnectReason reason, string detail)
    {
        if (Interlocked.Exchange(ref _hasFailed, 1) == 0)
            _ = Task.Run(() => reason == DisconnectReason.ProtocolError ? ReportAsync(detail) : AbortAsync(reason, detail));
    }

    /// <summary>The peer has mostly closed its endpoints because its connection has ended; the control transport is about to say how.</summary>
    public void OnEndpointFailed(string detail)
    {
        if (Interlocked.Exchange(ref _hasFailed, 1) == 0)
            _ = Task.Run(() => AbortUnlessEndedAsync(detail));
    }

    public Exception Lost()
    {
        var how = _isEnding ? $"has ended ({_reason}): {_detail}" : "is ending: UCX cannot reach the peer";
        return new ElasticEpException(ElasticEpErrorCode.PeerLost, $"The connection to {Remote.Id} {how}.") { Rank = Remote.Id.Rank };
    }

    private async Task AbortUnlessEndedAsync(string detail)
    {
        await PatientWait.DelayAsync(NoticeTime, _transport.Time, _closed.Token).ConfigureAwait(false);
        await AbortAsync(DisconnectReason.Reset, detail).ConfigureAwait(false);
    }

    private Task AbortAsync(DisconnectReason reason, string detail)
    {
        lock (_lock)
        {
            if (!_isEnding)
                _transport.Control.Abort(Remote.Id, reason, detail); // by name: of a connection that has ended it would cut the next one
        }

        return Task.CompletedTask;
    }

    /// <summary>The other end closes the control transport's connection as broken by it, so that both ends hear of it. If it does not, this one cuts it.</summary>
    private async Task ReportAsync(string detail)
    {
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(_closed.Token);
        var sending = SendAsync(SetupKind.Violation, SetupMessage.Encode(detail), enough.Token);
        await PatientWait.DelayAsync(NoticeTime, _transport.Time, _closed.Token).ConfigureAwait(false);
        await enough.CancelAsync().ConfigureAwait(false);
        await sending.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await AbortAsync(DisconnectReason.ProtocolError, detail).ConfigureAwait(false);
    }

    private async Task EndAsync()
    {
        foreach (var link in _links)
            link.Sender.Close();
        await CloseLinksAsync().ConfigureAwait(false);
        if (_previous is not null)
            await _previous.Ended.ConfigureAwait(false);
        _previous = null;
        if (_isUp)
        {
            try
            {
                Handler.OnDisconnected(Remote, _reason, _detail);
            }
            catch (Exception exception)
            {
                Report(() => _transport.LogHandlerFailed(exception, Remote.Id));
            }
        }

        _transport.Forget(this);
        if (_opened.TrySetException(Lost()))
            _ = _opened.Task.Exception; // nobody may be waiting for it
        _ended.TrySetResult();
    }

    /// <summary>Handlers have all the time that they take, also one that does not return and so holds up UCX's thread; but that is said.</summary>
    private async Task CloseLinksAsync()
    {
        var ending = EndLinksAsync();
        var isSlow = !await PatientWait.IsDoneAsync(ending, SlowTime, Time).ConfigureAwait(false);
        if (isSlow)
            Report(() => _transport.LogSlowClose(Remote.Id, SlowTime.TotalSeconds));
        await ending.ConfigureAwait(false);
        if (isSlow)
            Report(() => _transport.LogSlowClosed(Remote.Id));
    }

    /// <summary>
    /// UCX may not complete what it is at work on, but it does when its worker ends. Where other connections share that, what UCX reads is left
    /// to it first, and the worker is ended only for memory that it may write into.
    /// </summary>
    private async Task EndLinksAsync()
    {
        await _closed.CancelAsync().ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing); // what a handler throws there does not keep it open
        await _setUp.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        var closing = Task.WhenAll(_links.Select(link => link.CloseAsync()));
        var isDone = await PatientWait.IsDoneAsync(closing, _apart is null ? LetGoTime : ApartTime, Time).ConfigureAwait(false);
        if (_apart is not null)
            await _apart.AbandonAsync().ConfigureAwait(false);
        else if (!isDone)
            await LeaveLinksAsync().ConfigureAwait(false);
        if (!isDone && !await PatientWait.IsDoneAsync(closing, CloseTime - LetGoTime, Time).ConfigureAwait(false))
            await Task.WhenAll(_links.Select(link => link.ForceAsync())).ConfigureAwait(false);
        await closing.ConfigureAwait(false);
        if (_apart is not null)
            await _apart.EndAsync().ConfigureAwait(false);
    }

    /// <summary>What a log provider throws keeps no connection from beginning or ending.</summary>
    private static void Report(Action log)
    {
        try
        {
            log();
        }
        catch (Exception)
        {
            // there is nobody left to tell
        }
    }

    private async Task LeaveLinksAsync()
    {
        var left = (await Task.WhenAll(_links.Select(link => link.LeaveAsync())).ConfigureAwait(false)).Sum();
        if (left > 0)
            Report(() => _transport.LogLeft(Remote.Id, left, LetGoTime.TotalSeconds));
    }
}
