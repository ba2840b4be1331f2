using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using ElasticEp.Transport;
using ElasticEp.Transports.Tcp.Connecting;
using Microsoft.Extensions.Logging;

namespace ElasticEp.Transports.Tcp.Transport;

/// <summary>The transport over TCP, and over Unix domain sockets between processes of one host.</summary>
internal sealed partial class TcpTransport : ITransport
{
    private readonly TcpOptions _options;
    private readonly TcpSecurity _security;
    private readonly TcpDialer _dialer;
    private readonly WeightPacer? _pacer;
    private readonly ILogger _logger;
    private readonly VersionRange _versions;
    private readonly PeerTable _peers = new();
    private readonly ConcurrentDictionary<TcpConnection, bool> _connections = new();
    private readonly List<TcpAcceptor> _acceptors = [];
    private readonly CancellationTokenSource _stopped = new();
    private ITransportHandler? _handler;
    private string? _unixFile;
    private int _isDisposed;
    private volatile bool _isKilled;

    /// <param name="options">Validated options.</param>
    /// <param name="time">The clock.</param>
    /// <param name="loggers">Makes loggers.</param>
    /// <param name="versions">Instead of <see cref="GreetingWire.Versions"/>, for tests.</param>
    public TcpTransport(TcpOptions options, TimeProvider time, ILoggerFactory loggers, VersionRange? versions = null)
    {
        _options = options;
        _versions = versions ?? GreetingWire.Versions;
        Time = time;
        _logger = loggers.CreateLogger<TcpTransport>();
        _security = TcpSecurity.From(options);
        _dialer = new TcpDialer(_security, options.HandshakeTimeout, time);
        _pacer = options.WeightBytesPerSecond is { } rate ? new WeightPacer(rate, time) : null;
    }

    public string Address => Self?.Address ?? "";

    public TimeProvider Time { get; }

    public PeerIdentity? Self { get; private set; }

    public ITransportHandler Handler => _isKilled ? SilentHandler.Instance : _handler!;

    public async ValueTask StartAsync(PeerIdentity self, ITransportHandler handler, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(self);
        ArgumentNullException.ThrowIfNull(handler);
        ObjectDisposedException.ThrowIf(_isDisposed != 0, this);
        cancellationToken.ThrowIfCancellationRequested();
        if (Interlocked.CompareExchange(ref _handler, handler, null) is not null)
            throw new ElasticEpException(ElasticEpErrorCode.InvalidState, "The transport was already started.");
        var listener = await TcpAcceptor.ListenAsync(_options.BindAddress, cancellationToken).ConfigureAwait(false);
        var (unixListener, unixName) = ListenUnix();
        var bound = (IPEndPoint)listener.LocalEndPoint!;
        Self = self with { Address = new TcpAddress(Advertised(bound), unixName is null ? null : HostId.Current, unixName).ToString() };
        _acceptors.Add(Accept(listener));
        if (unixListener is not null)
            _acceptors.Add(Accept(unixListener));
        LogListening(self.Group, self.Id, Self.Address);
    }

    public async ValueTask ConnectAsync(MemberId peer, string address, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(address);
        if (Self is not { } self)
            throw new ElasticEpException(ElasticEpErrorCode.InvalidState, "Start the transport before you connect.");
        if (self.Id == peer)
            throw new ElasticEpException(ElasticEpErrorCode.InvalidArgument, $"{peer} cannot connect to itself at {address}.") { Rank = peer.Rank };
        if (self.Address == address)
            Handshake.Check(self, self, peer); // this process has taken the place of the one that is wanted
        var slot = _peers.Enter(peer);
        try
        {
            await ConnectAsync(slot, address, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            _peers.Leave(slot);
        }
    }

    public async ValueTask DisconnectAsync(MemberId peer, CancellationToken cancellationToken = default)
    {
        if (Find(peer) is { } connection)
            await connection.CloseAsync(DisconnectReason.Goodbye, Goodbye, isNotified: true).WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    public void Abort(MemberId peer, DisconnectReason reason, string detail)
    {
        ArgumentNullException.ThrowIfNull(detail);
        Find(peer)?.Abort(reason, detail);
    }

    public bool CanUse(MemoryKind kind) => kind != MemoryKind.Device;

    public IDisposable Register(EpBuffer memory) => NoRegistration.For(this, memory);

    public ValueTask SendAsync(MemberId peer, LinkKind link, FrameHead head, EpBuffer metadata, ReadOnlyMemory<EpBuffer> rows, CancellationToken cancellationToken = default)
    {
        if (link > LinkKind.Weights)
            throw new ArgumentOutOfRangeException(nameof(link), link, "There is no such link.");
        var frame = new OutgoingFrame(this, head, metadata, rows);
        if (Find(peer) is not { } connection)
            return ValueTask.FromException(new ElasticEpException(ElasticEpErrorCode.PeerLost, $"There is no connection to {peer}.") { Rank = peer.Rank });

        // Rows are what is paced; messages, which are metadata, go before them.
        if (link == LinkKind.Weights && _pacer is not null && frame.Info.RowsLength > 0 && _pacer.Take(frame.Info.RowsLength) is { Ticks: > 0 } wait)
            return SendLaterAsync(_pacer, wait, connection, frame, cancellationToken);
        return connection.SendAsync(link, frame, cancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) != 0)
            return;
        await _stopped.CancelAsync().ConfigureAwait(false);
        foreach (var acceptor in _acceptors)
            await acceptor.DisposeAsync().ConfigureAwait(false);
        if (_unixFile is not null)
            File.Delete(_unixFile);
        foreach (var slot in _peers.Slots)
        {
            lock (slot.Lock)
            {
                // a registration that has begun is seen below, a later one sees that this process stops
            }
        }

        var connections = _connections.Keys.ToArray();
        await Task.WhenAll(connections.Select(connection => connection.CloseAsync(DisconnectReason.Goodbye, Goodbye, isNotified: !_isKilled))).ConfigureAwait(false);
        await Task.WhenAll(connections.Select(connection => connection.Gone)).ConfigureAwait(false);
    }

    /// <summary>A connection's end was reported.</summary>
    public void Forget(TcpConnection connection)
    {
        _connections.TryRemove(connection, out _);
        if (_peers.Find(connection.Remote.Id) is not { } slot)
            return;
        lock (slot.Lock)
        {
            if (slot.Current == connection)
                slot.Current = null;
        }

        _peers.Leave(slot);
    }

    /// <summary>For tests: peers of which it keeps anything.</summary>
    internal int KnownPeers => _peers.Count;

    /// <summary>For tests: the version that is used with a peer.</summary>
    internal byte? VersionWith(MemberId peer) => Find(peer)?.Version;

    /// <summary>For tests: breaks the connection to a peer as a fault would.</summary>
    internal void Break(MemberId peer) => _ = Find(peer)?.CloseAsync(DisconnectReason.Reset, "it was broken on purpose", isNotified: false);

    /// <summary>For tests: the process is gone; its handler gets nothing more, its peers see a reset.</summary>
    internal Task KillAsync()
    {
        _isKilled = true;
        foreach (var connection in _connections.Keys)
            _ = connection.CloseAsync(DisconnectReason.Reset, "killed", isNotified: false);
        return DisposeAsync().AsTask();
    }

    private string Goodbye => $"{Self!.Id} said goodbye";

    private TcpConnection? Find(MemberId peer) => _peers.Find(peer)?.Current;

    private TcpAcceptor Accept(Socket listener) =>
        new(listener, LinkPurpose.Peer, _security, _options.HandshakeTimeout, Time, GreetAsync, _logger);

    private (Socket? Listener, string? Name) ListenUnix()
    {
        if (!_options.UseUnixSockets || !_security.AllowsUnixSockets || !Socket.OSSupportsUnixDomainSockets)
            return (null, null);
        var unique = $"elasticep-{Guid.NewGuid():N}";
        var name = OperatingSystem.IsLinux() ? $"@{unique}" : _unixFile = Path.Combine(Path.GetTempPath(), $"{unique[..20]}.sock");
        var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            listener.Bind(TcpAddress.EndPoint(name));
            listener.Listen(512);
            return (listener, name);
        }
        catch (Exception exception) when (exception is SocketException or ArgumentException)
        {
            listener.Dispose();
            LogNoUnixSocket(exception.Message);
            return (null, null);
        }
    }

    private HostAddress Advertised(IPEndPoint bound)
    {
        if (_options.AdvertisedAddress is { } text)
            return HostAddress.Parse(text, bound.Port) is { Port: > 0 } given ? given : HostAddress.Parse(text) with { Port = bound.Port };
        var isAny = bound.Address.Equals(IPAddress.Any) || bound.Address.Equals(IPAddress.IPv6Any);
        return new HostAddress(isAny ? Dns.GetHostName() : bound.Address.ToString(), bound.Port);
    }

    private static async ValueTask SendLaterAsync(WeightPacer pacer, TimeSpan wait, TcpConnection connection, OutgoingFrame frame, CancellationToken cancellationToken)
    {
        await pacer.WaitAsync(frame.Info.RowsLength, wait, connection.Closed, cancellationToken).ConfigureAwait(false);
        if (connection.Closed.IsCancellationRequested)
            throw connection.Lost(null); // who closes it may take a while to stop its links
        await connection.SendAsync(LinkKind.Weights, frame, cancellationToken).ConfigureAwait(false);
    }

    [LoggerMessage(4010, LogLevel.Information, "Group {Group}: {Peer} listens at {Address}")]
    private partial void LogListening(string group, MemberId peer, string address);

    [LoggerMessage(4011, LogLevel.Warning, "No Unix domain socket ({Reason}); processes of this host use TCP")]
    private partial void LogNoUnixSocket(string reason);

    [LoggerMessage(4012, LogLevel.Warning, "{Peer} at {Address} was refused: {Reason}")]
    private partial void LogRefused(MemberId peer, string address, string reason);

    [LoggerMessage(4015, LogLevel.Warning, "A connection was refused: {Reason}")]
    private partial void LogRefused(string reason);

    [LoggerMessage(4016, LogLevel.Debug, "Connected to {Peer} at {Address}, protocol version {Version}")]
    public partial void LogConnected(MemberId peer, string address, byte version);

    [LoggerMessage(4013, LogLevel.Debug, "An incoming connection was given up: {Reason}")]
    private partial void LogGivenUp(string reason);

    [LoggerMessage(4014, LogLevel.Error, "A handler failed at the end of the connection to {Peer}")]
    public partial void LogHandlerFailed(Exception exception, MemberId peer);
}
