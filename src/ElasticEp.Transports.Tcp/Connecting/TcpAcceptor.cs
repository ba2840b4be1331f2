using System.Net.Sockets;
using System.Security.Authentication;
using Microsoft.Extensions.Logging;

namespace ElasticEp.Transports.Tcp.Connecting;

/// <summary>
/// Accepts connections on one listening socket, proves each, and hands it on. A connection that fails hurts nobody else, and one that
/// says nothing is closed after the handshake timeout, or when too many others are unproved: those that belong here are quick.
/// </summary>
internal sealed partial class TcpAcceptor : IAsyncDisposable
{
    private const int MaxUnproved = 256;

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    private readonly Socket _listener;
    private readonly LinkPurpose _purpose;
    private readonly TcpSecurity _security;
    private readonly TimeSpan _timeout;
    private readonly TimeProvider _time;
    private readonly Func<ProvedConnection, CancellationToken, Task> _serve;
    private readonly ILogger _logger;
    private readonly CancellationTokenSource _stopped = new();
    private readonly LinkedList<Socket> _unproved = []; // the oldest first; guarded by itself
    private readonly TaskCompletionSource _allServed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Task _loop;
    private int _serving = 1; // one for the loop

    /// <param name="listener">Bound and listening; owned from now on.</param>
    /// <param name="purpose">What callers must want.</param>
    /// <param name="security">How callers prove themselves.</param>
    /// <param name="timeout">Longest time for the handshake.</param>
    /// <param name="time">The clock.</param>
    /// <param name="serve">Owns a proved connection; its token is cancelled when the acceptor is disposed, which waits for it.</param>
    /// <param name="logger">Told of refused callers.</param>
    public TcpAcceptor(Socket listener, LinkPurpose purpose, TcpSecurity security, TimeSpan timeout, TimeProvider time, Func<ProvedConnection, CancellationToken, Task> serve, ILogger logger)
    {
        _listener = listener;
        _purpose = purpose;
        _security = security;
        _timeout = timeout;
        _time = time;
        _serve = serve;
        _logger = logger;
        _loop = Task.Run(AcceptAsync);
    }

    /// <summary>A bound, listening socket.</summary>
    /// <exception cref="ElasticEpException"><see cref="ElasticEpErrorCode.InvalidArgument"/>: the address cannot be bound; the message says why.</exception>
    public static async ValueTask<Socket> ListenAsync(string bindAddress, CancellationToken cancellationToken)
    {
        Socket? socket = null;
        try
        {
            var endPoint = await HostAddress.Parse(bindAddress).ResolveAsync(cancellationToken).ConfigureAwait(false);
            socket = new Socket(endPoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            socket.Bind(endPoint);
            socket.Listen(512);
            return socket;
        }
        catch (Exception exception) when (exception is SocketException or FormatException)
        {
            socket?.Dispose();
            throw new ElasticEpException(ElasticEpErrorCode.InvalidArgument, $"The address '{bindAddress}' cannot be bound: {exception.Message}", exception);
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_stopped.IsCancellationRequested)
            return;
        await _stopped.CancelAsync().ConfigureAwait(false);
        _listener.Dispose();
        await _loop.ConfigureAwait(false);
        await _allServed.Task.ConfigureAwait(false);
        _stopped.Dispose();
    }

    private async Task AcceptAsync()
    {
        while (!_stopped.IsCancellationRequested)
        {
            try
            {
                var socket = await AcceptOneAsync().ConfigureAwait(false);
                Interlocked.Increment(ref _serving);
                _ = ServeAsync(socket);
            }
            catch (Exception exception) when (exception is OperationCanceledException or ObjectDisposedException or SocketException)
            {
                break; // disposed: what the system says then differs
            }
        }

        Leave();
    }

    private async Task<Socket> AcceptOneAsync()
    {
        while (true)
        {
            try
            {
                return await _listener.AcceptAsync(_stopped.Token).ConfigureAwait(false);
            }
            catch (SocketException exception) when (!_stopped.IsCancellationRequested)
            {
                LogAcceptFailed(exception.Message); // out of descriptors, for example: others will close some
                await Task.Delay(Pause, _time, _stopped.Token).ConfigureAwait(false);
            }
        }
    }

    private async Task ServeAsync(Socket socket)
    {
        try
        {
            var connection = await ProveAsync(socket).ConfigureAwait(false);
            if (connection is not null)
                await _serve(connection, _stopped.Token).ConfigureAwait(false);
        }
        catch (Exception exception)
        {
            LogServeFailed(exception, _purpose);
        }
        finally
        {
            Leave();
        }
    }

    private async Task<ProvedConnection?> ProveAsync(Socket socket)
    {
        var place = Enter(socket);
        var (caller, isUnix) = ("?", socket.AddressFamily == AddressFamily.Unix);
        try
        {
            caller = socket.RemoteEndPoint?.ToString() ?? "?";
            using var deadline = new CancellationTokenSource(_timeout, _time);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, _stopped.Token);
            SocketSettings.Apply(socket);
            Stream stream = new NetworkStream(socket, ownsSocket: true);
            if (_security.Tls is { } tls && !isUnix)
                stream = await tls.AcceptAsync(stream, either.Token).ConfigureAwait(false);
            await JoinHandshake.AcceptAsync(stream, _purpose, _security.Secret, either.Token).ConfigureAwait(false);
            return new ProvedConnection(socket, stream);
        }
        catch (Exception exception) when (exception is ElasticEpException or AuthenticationException)
        {
            socket.Dispose();
            LogRefused(isUnix ? "a Unix domain socket" : caller, exception.Message);
        }
        catch (Exception exception) when (exception is IOException or SocketException or OperationCanceledException or ObjectDisposedException)
        {
            socket.Dispose();
            LogNotProved(caller, exception.Message);
        }
        catch (Exception exception)
        {
            socket.Dispose();
            LogRefused(isUnix ? "a Unix domain socket" : caller, $"{exception.GetType().Name}: {exception.Message}"); // a caller's certificate can fail in many ways
        }
        finally
        {
            lock (_unproved)
            {
                if (place.List is not null)
                    _unproved.Remove(place);
            }
        }

        return null;
    }

    /// <summary>Whoever waits for others to say nothing would wait for long: the one that has said nothing for longest goes.</summary>
    private LinkedListNode<Socket> Enter(Socket socket)
    {
        Socket? oldest = null;
        LinkedListNode<Socket> place;
        lock (_unproved)
        {
            place = _unproved.AddLast(socket);
            if (_unproved.Count > MaxUnproved)
            {
                oldest = _unproved.First!.Value;
                _unproved.RemoveFirst();
            }
        }

        oldest?.Dispose();
        return place;
    }

    private void Leave()
    {
        if (Interlocked.Decrement(ref _serving) == 0)
            _allServed.TrySetResult();
    }

    [LoggerMessage(4001, LogLevel.Warning, "A connection from {Caller} was refused. {Reason}")]
    private partial void LogRefused(string caller, string reason);

    [LoggerMessage(4002, LogLevel.Debug, "A connection from {Caller} ended before it was proved: {Reason}")]
    private partial void LogNotProved(string caller, string reason);

    [LoggerMessage(4003, LogLevel.Warning, "A connection could not be accepted: {Reason}")]
    private partial void LogAcceptFailed(string reason);

    [LoggerMessage(4004, LogLevel.Error, "Serving a {Purpose} connection failed")]
    private partial void LogServeFailed(Exception exception, LinkPurpose purpose);
}
