using System.Collections.Concurrent;
using System.Net;
using ElasticEp.Rendezvous;
using ElasticEp.Transports.Tcp.Connecting;
using Microsoft.Extensions.Logging;

namespace ElasticEp.Transports.Tcp.Store;

/// <summary>Serves a rendezvous store over TCP. Its state is in memory: it lives as long as the process.</summary>
internal sealed partial class TcpStoreServer : IAsyncDisposable
{
    /// <summary>Bytes that all keys and values together may take.</summary>
    public const long MaxBytes = 1L << 30;

    private readonly InMemoryRendezvousStore _store;
    private readonly StoreLeases _leases;
    private readonly ConcurrentDictionary<StoreSession, bool> _sessions = new();
    private readonly ILogger _logger;
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

    /// <exception cref="ElasticEpException"><see cref="ElasticEpErrorCode.InvalidArgument"/>: the address cannot be bound.</exception>
    public static async ValueTask<TcpStoreServer> StartAsync(string bindAddress, TcpSecurity security, TimeSpan handshakeTimeout, TimeProvider time, ILoggerFactory loggers, CancellationToken cancellationToken = default)
    {
        var server = new TcpStoreServer(time, loggers);
        var listener = await TcpAcceptor.ListenAsync(bindAddress, cancellationToken).ConfigureAwait(false);
        var bound = (IPEndPoint)listener.LocalEndPoint!;
        server.Address = new HostAddress(bound.Address.ToString(), bound.Port);
        server._acceptor = new TcpAcceptor(listener, LinkPurpose.Store, security, handshakeTimeout, time, server.ServeAsync, server._logger);
        server.LogServing(server.Address.ToString());
        return server;
    }

    public async ValueTask DisposeAsync()
    {
        if (_acceptor is not null)
            await _acceptor.DisposeAsync().ConfigureAwait(false);
        await _store.DisposeAsync().ConfigureAwait(false);
    }

    private async Task ServeAsync(ProvedConnection connection, CancellationToken stopped)
    {
        var caller = connection.Socket.RemoteEndPoint?.ToString() ?? "?";
        var session = new StoreSession(_store, _leases, connection.Stream);
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
