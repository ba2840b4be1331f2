using System.Collections.Concurrent;
using System.Net;
using ElasticEp.Rendezvous;
using ElasticEp.Transports.Tcp.Connecting;
using Microsoft.Extensions.Logging;

namespace ElasticEp.Transports.Tcp.Store;

/// <summary>Serves a rendezvous store over TCP. Its state is in memory; with a file, nothing that was reported to a client is lost with the process.</summary>
internal sealed partial class TcpStoreServer : IAsyncDisposable
{
    /// <summary>Bytes that all keys and values together may take.</summary>
    public const long MaxBytes = 1L << 30;

    private readonly InMemoryRendezvousStore _store;
    private readonly StoreLeases _leases;
    private readonly ConcurrentDictionary<StoreSession, bool> _sessions = new();
    private readonly ILogger _logger;
    private StoreFile? _file;
    private TcpAcceptor? _acceptor;

    private TcpStoreServer(TimeProvider time, ILoggerFactory loggers)
    {
        _store = new InMemoryRendezvousStore(time) { MaxBytes = MaxBytes };
        _leases = new StoreLeases(_store);
        _logger = loggers.CreateLogger<TcpStoreServer>();
    }

    /// <summary>Where it listens.</summary>
    public HostAddress Address { get; private set; }

    /// <summary>Clients that are connected.</summary>
    public int Clients => _sessions.Count;

    /// <summary>Waits and watches of all clients.</summary>
    public int OpenRequests => _sessions.Keys.Sum(session => session.Open);

    /// <summary>Leases that live.</summary>
    public int Leases => _leases.Count;

    /// <exception cref="ElasticEpException">The address cannot be bound (<see cref="ElasticEpErrorCode.InvalidArgument"/>), or the file cannot be used (see <see cref="StoreFile.Open"/>).</exception>
    public static async ValueTask<TcpStoreServer> StartAsync(string bindAddress, TcpSecurity security, TimeSpan handshakeTimeout, TimeProvider time, ILoggerFactory loggers, string? filePath = null, CancellationToken cancellationToken = default)
    {
        var server = new TcpStoreServer(time, loggers);
        try
        {
            server.Begin(filePath, time);
            await server.ListenAsync(bindAddress, security, handshakeTimeout, time, cancellationToken).ConfigureAwait(false);
            return server;
        }
        catch
        {
            await server.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_acceptor is not null)
            await _acceptor.DisposeAsync().ConfigureAwait(false);
        await _store.DisposeAsync().ConfigureAwait(false);
        if (_file is not null)
            await _file.DisposeAsync().ConfigureAwait(false);
    }

    private void Begin(string? path, TimeProvider time)
    {
        var state = new StoreState();
        if (path is not null)
            _file = StoreFile.Open(path, _logger, out state);
        // Versions keep up with the clock: those of a store that has lost its state, or has an older copy of it, are never taken for earlier ones.
        state.Version = Math.Max(state.Version, (time.GetUtcNow() - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond);
        state.LastLease = Math.Max(state.LastLease, state.Version); // likewise
        foreach (var lease in _store.Restore(state))
            _leases.Add(lease);
        _store.Journal = _file;
        if (_file is not null)
            _file.Source = _store;
    }

    private async Task ListenAsync(string bindAddress, TcpSecurity security, TimeSpan handshakeTimeout, TimeProvider time, CancellationToken cancellationToken)
    {
        var listener = await TcpAcceptor.ListenAsync(bindAddress, cancellationToken).ConfigureAwait(false);
        var bound = (IPEndPoint)listener.LocalEndPoint!;
        Address = new HostAddress(bound.Address.ToString(), bound.Port);
        _acceptor = new TcpAcceptor(listener, LinkPurpose.Store, security, handshakeTimeout, time, ServeAsync, _logger);
        LogServing(Address.ToString());
    }

    private async Task ServeAsync(ProvedConnection connection, CancellationToken stopped)
    {
        var caller = connection.Socket.RemoteEndPoint?.ToString() ?? "?";
        var session = new StoreSession(_store, _leases, _file, connection.Stream);
        _sessions[session] = true;
        try
        {
            await session.RunAsync(stopped).ConfigureAwait(false);
        }
        catch (ElasticEpException violation)
        {
            LogViolation(caller, violation.Message);
        }
        finally
        {
            _sessions.TryRemove(session, out _);
            connection.Dispose();
        }
    }

    [LoggerMessage(4100, LogLevel.Information, "The rendezvous store listens at {Address}")]
    private partial void LogServing(string address);

    [LoggerMessage(4101, LogLevel.Warning, "The store client at {Caller} broke the protocol and was cut off: {Reason}")]
    private partial void LogViolation(string caller, string reason);
}
