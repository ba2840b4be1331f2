using System.Collections.Concurrent;
using ElasticEp.Transport;
using ElasticEp.Transports.Rdma.Links;
using ElasticEp.Transports.Rdma.Memory;
using ElasticEp.Transports.Rdma.Native;
using ElasticEp.Transports.Rdma.Workers;
using Microsoft.Extensions.Logging;

namespace ElasticEp.Transports.Rdma.Connections;

/// <summary>
/// The transport over UCX. Another transport connects, authenticates, carries the control link and says when a peer is gone; data and weights go
/// over UCX.
/// </summary>
internal sealed partial class RdmaTransport : ITransport, ITransportHealth
{
    private const string LayoutMark = ";data-links=ucx"; // a peer without it is refused by name

    private static readonly TimeSpan DegradedTime = TimeSpan.FromMinutes(10); // after the last failure: what took its place works

    private readonly ILogger _logger;
    private readonly WeightPacer? _pacer;
    private readonly ConcurrentDictionary<MemberId, RdmaConnection> _present = new(); // by what the control transport has said
    private readonly ConcurrentDictionary<RdmaConnection, bool> _connections = new(); // until their end was reported
    private readonly MemoryTable _memory = new();
    private UcxContextHandle? _context;
    private UcxWorkers? _workers;
    private ITransportHandler? _handler;
    private PeerIdentity? _self;
    private int _failedWorkers;
    private volatile Failure? _lastFailure;
    private int _isDisposed;
    private volatile bool _isKilled;

    /// <param name="control">The transport of the control link; owned from now on.</param>
    /// <param name="options">Validated options.</param>
    /// <param name="time">The clock.</param>
    /// <param name="loggers">Makes loggers.</param>
    public RdmaTransport(ITransport control, RdmaOptions options, TimeProvider time, ILoggerFactory loggers)
    {
        Control = control;
        Options = options;
        Time = time;
        _logger = loggers.CreateLogger<RdmaTransport>();
        _pacer = options.WeightBytesPerSecond is { } rate ? new WeightPacer(rate, time) : null;
    }

    public string Address => Control.Address;

    public ITransport Control { get; }

    public RdmaOptions Options { get; }

    public TimeProvider Time { get; }

    public string? Degradation => _lastFailure is { } last && Time.GetElapsedTime(last.At) < DegradedTime ? last.What : null;

    public ITransportHandler Handler => _isKilled ? SilentHandler.Instance : _handler!;

    public async ValueTask StartAsync(PeerIdentity self, ITransportHandler handler, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(self);
        ArgumentNullException.ThrowIfNull(handler);
        ObjectDisposedException.ThrowIf(_isDisposed != 0, this);
        cancellationToken.ThrowIfCancellationRequested();
        if (Interlocked.CompareExchange(ref _handler, handler, null) is not null)
            throw new ElasticEpException(ElasticEpErrorCode.InvalidState, "The transport was already started.");
        UcxLibrary.Require();
        if (UcxLibrary.MayTakeSignals)
            LogSignals();
        if (!HasCard && UcxSettings.LeavesTransportsToUcx(Options))
            LogNoCard();
        _self = self;
        _context = UcxContextHandle.Create(UcxSettings.From(Options));
        _workers = new UcxWorkers(
            Options.Workers,
            place => new UcxThread($"UCX {self.Id.Rank}.{place}", Options.PollTime, Time, _logger, OnWorkerFailed),
            thread => new UcxWorker(thread, _context, _memory, _logger));
        await _workers.Started.WaitAsync(cancellationToken).ConfigureAwait(false);
        await Control.StartAsync(self with { Layout = self.Layout + LayoutMark + UcxSettings.LayoutOf(Options) }, new ControlHandler(this), cancellationToken).ConfigureAwait(false);
        LogStarted(self.Group, self.Id, UcxLibrary.Version!, Address);
    }

    public async ValueTask ConnectAsync(MemberId peer, string address, CancellationToken cancellationToken = default)
    {
        await Control.ConnectAsync(peer, address, cancellationToken).ConfigureAwait(false);
        if (Find(peer) is not { } connection)
            throw NoConnection(peer);
        await connection.Opened.WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    public async ValueTask DisconnectAsync(MemberId peer, CancellationToken cancellationToken = default)
    {
        var connection = Find(peer);
        await Control.DisconnectAsync(peer, cancellationToken).ConfigureAwait(false);
        if (connection is not null)
            await connection.Ended.WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    public void Abort(MemberId peer, DisconnectReason reason, string detail) => Control.Abort(peer, reason, detail);

    public bool CanUse(MemoryKind kind) => kind != MemoryKind.Device;

    public IDisposable Register(EpBuffer memory)
    {
        var nothing = NoRegistration.For(this, memory); // also checks its kind
        if (_context is not { } context)
            throw new ElasticEpException(ElasticEpErrorCode.InvalidState, "Start the transport before you register memory.");
        return memory.IsEmpty ? nothing : _memory.Add(context, memory);
    }

    public ValueTask SendAsync(MemberId peer, LinkKind link, FrameHead head, ReadOnlyMemory<EpBuffer> metadata, ReadOnlyMemory<EpBuffer> rows, CancellationToken cancellationToken = default)
    {
        if (link > LinkKind.Weights)
            throw new ArgumentOutOfRangeException(nameof(link), link, "There is no such link.");
        if (Find(peer) is not { CanSend: true } connection)
            return ValueTask.FromException(NoConnection(peer));
        if (link == LinkKind.Control)
            return Control.SendAsync(peer, link, head, metadata, rows, cancellationToken);
        var frame = new OutgoingFrame(this, head, metadata, rows);
        if (link == LinkKind.Weights && _pacer is not null && frame.Info.RowsLength > 0 && _pacer.Take(frame.Info.RowsLength) is { Ticks: > 0 } wait)
            return SendLaterAsync(_pacer, wait, connection, frame, cancellationToken);
        return connection.Sender(link).SendAsync(frame, cancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) != 0)
            return;
        await Control.DisposeAsync().ConfigureAwait(false);
        await EndAsync().ConfigureAwait(false);
    }

    /// <summary>The control transport has a connection.</summary>
    public RdmaConnection Add(PeerIdentity peer)
    {
        var added = new RdmaConnection(this, peer with { Layout = _self!.Layout }, previous: Find(peer.Id));
        _connections[added] = true;
        _present[peer.Id] = added;
        return added;
    }

    /// <summary>The connection that the control transport has with a peer, or had last.</summary>
    public RdmaConnection? Find(MemberId peer) => _present.GetValueOrDefault(peer);

    /// <summary>A connection's end was reported.</summary>
    public void Forget(RdmaConnection connection)
    {
        _present.TryRemove(KeyValuePair.Create(connection.Remote.Id, connection));
        _connections.TryRemove(connection, out _);
    }

    /// <summary>The data and the weights link of a connection.</summary>
    /// <param name="owner">The connection.</param>
    /// <param name="isNear">
    /// Whether its other end is on this machine. Who is killed while it writes into the queue of a worker can leave a place there that is never
    /// filled, and all that comes behind it is stuck: such a queue is not shared with others.
    /// </param>
    /// <param name="cancellationToken">Ends the wait for the thread of a worker.</param>
    /// <returns>The worker of this connection alone, if it has one, and the links.</returns>
    public async Task<(UcxWorker? Apart, RdmaLink[] Links)> CreateLinksAsync(ILinkOwner owner, bool isNear, CancellationToken cancellationToken)
    {
        var limits = new LinkLimits(Options.FramesInFlight, Options.EagerLimit);
        var isApart = isNear && KeepsNearApart && UcxSettings.UsesSharedMemory(Options);
        var apart = isApart ? await _workers!.NextAsync(isApart, cancellationToken).ConfigureAwait(false) : null;
        return (apart, [await CreateAsync(LinkKind.Data).ConfigureAwait(false), await CreateAsync(LinkKind.Weights).ConfigureAwait(false)]);

        async Task<RdmaLink> CreateAsync(LinkKind kind) =>
            new(apart ?? await _workers!.NextAsync(isApart: false, cancellationToken).ConfigureAwait(false), kind, limits, owner);
    }

    /// <summary>For tests: the workers that connections share.</summary>
    internal IReadOnlyList<UcxWorker> Workers => _workers!.Shared;

    /// <summary>For tests: whether connections over shared memory have workers of their own.</summary>
    internal bool KeepsNearApart { get; init; } = true;

    /// <summary>For tests: whether this machine has an RDMA card.</summary>
    internal bool HasCard { get; init; } = Machine.HasCard();

    /// <summary>For tests: the process is gone; its handler gets nothing more.</summary>
    /// <param name="killControl">Does the same to the control transport.</param>
    internal async Task KillAsync(Func<Task> killControl)
    {
        _isKilled = true;
        if (Interlocked.Exchange(ref _isDisposed, 1) != 0)
            return;
        await killControl().ConfigureAwait(false);
        foreach (var connection in _connections.Keys)
            connection.End(DisconnectReason.Reset, "killed");
        await EndAsync().ConfigureAwait(false);
    }

    private async Task EndAsync()
    {
        await Task.WhenAll(_connections.Keys.Select(connection => connection.Ended)).ConfigureAwait(false);
        if (_workers is not null)
            await _workers.DisposeAsync().ConfigureAwait(false);
        _context?.Dispose();
    }

    private void OnWorkerFailed(Exception failure)
    {
        var failed = Interlocked.Increment(ref _failedWorkers);
        try
        {
            LogWorkerFailed(failure);
        }
        finally
        {
            _lastFailure = new Failure($"failures of what drives UCX: {failed}, after which others took its place; the last one because {failure.Message}", Time.GetTimestamp());
        }
    }

    private static async ValueTask SendLaterAsync(WeightPacer pacer, TimeSpan wait, RdmaConnection connection, OutgoingFrame frame, CancellationToken cancellationToken)
    {
        await pacer.WaitAsync(frame.Info.RowsLength, wait, connection.Closed, cancellationToken).ConfigureAwait(false);
        await connection.Sender(LinkKind.Weights).SendAsync(frame, cancellationToken).ConfigureAwait(false);
    }

    private static ElasticEpException NoConnection(MemberId peer) => new(ElasticEpErrorCode.PeerLost, $"There is no connection to {peer}.") { Rank = peer.Rank };

    [LoggerMessage(4210, LogLevel.Information, "Group {Group}: {Peer} uses UCX {Version} for data and weights, which it does not encrypt, and is reached at {Address}")]
    private partial void LogStarted(string group, MemberId peer, Version version, string address);

    [LoggerMessage(4213, LogLevel.Warning, "UCX was in this process before it could be kept from taking signals, so that a null reference may end the process; set UCX_HANDLE_ERRORS=none in the environment")]
    private partial void LogSignals();

    [LoggerMessage(4214, LogLevel.Error, "The connection to {Peer} was lost {Seconds} s ago, which is not reported before handlers are done with it: one has not answered about a frame, or does not return to the thread of UCX that has called it; if event 4218 does not follow, restart this process")]
    public partial void LogSlowClose(MemberId peer, double seconds);

    [LoggerMessage(4218, LogLevel.Information, "The connection to {Peer} has ended now")]
    public partial void LogSlowClosed(MemberId peer);

    [LoggerMessage(4215, LogLevel.Error, "UCX has not let go of {Operations} operations {Seconds} s after the end of the connection to {Peer}, which takes nothing from its queue; they are left to it, and what they need is kept until it does or this transport ends")]
    public partial void LogLeft(MemberId peer, int operations, double seconds);

    [LoggerMessage(4216, LogLevel.Error, "What drives UCX has failed: its links end, and new ones use another worker. If it happens again, look at the device and at what UCX writes to standard output, and restart this process, which frees what the failure left behind")]
    private partial void LogWorkerFailed(Exception exception);

    [LoggerMessage(4217, LogLevel.Warning, "This machine has no RDMA card, and nothing says which transports UCX may use: it reaches other machines over its own TCP, which is slower than the transport of the control link is without UseRdmaTransport; install the card's driver, or set Transports")]
    private partial void LogNoCard();

    [LoggerMessage(4211, LogLevel.Debug, "The data and weights links to {Peer} are up")]
    public partial void LogConnected(MemberId peer);

    [LoggerMessage(4212, LogLevel.Error, "A handler failed at the end of the connection to {Peer}")]
    public partial void LogHandlerFailed(Exception exception, MemberId peer);

    /// <summary>A thread or worker that has failed.</summary>
    /// <param name="What">In words.</param>
    /// <param name="At">When, by the clock's timestamps.</param>
    private sealed record Failure(string What, long At);
}
