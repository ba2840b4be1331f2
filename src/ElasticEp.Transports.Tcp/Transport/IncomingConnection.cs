using ElasticEp.Transport;
using ElasticEp.Transports.Tcp.Connecting;

namespace ElasticEp.Transports.Tcp.Transport;

/// <summary>A connection that a peer is making: its control link is accepted, data and weights follow.</summary>
internal sealed class IncomingConnection(Hello hello, ProvedConnection control) : IDisposable
{
    private readonly Lock _lock = new();
    private readonly ProvedConnection?[] _sockets = [control, null, null];
    private readonly bool[] _reserved = [true, false, false];
    private readonly TaskCompletionSource _complete = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private bool _isTaken;

    public Hello Hello { get; } = hello;

    /// <summary>Completes when the connection is registered or given up.</summary>
    public ConnectAttempt Attempt { get; } = new(hello.Self.Address);

    /// <summary>Completes when all three links are there.</summary>
    public Task Complete => _complete.Task;

    /// <summary>Keeps a link's place until the caller has its answer; false when it is taken.</summary>
    public bool TryReserve(LinkKind link)
    {
        lock (_lock)
        {
            if (_isTaken || _reserved[(int)link])
                return false;
            return _reserved[(int)link] = true;
        }
    }

    /// <summary>Adds a link whose place is reserved; false when it is too late.</summary>
    public bool TryAdd(LinkKind link, ProvedConnection socket)
    {
        lock (_lock)
        {
            if (_isTaken)
                return false;
            _sockets[(int)link] = socket;
            if (Array.TrueForAll(_sockets, present => present is not null))
                _complete.TrySetResult();
            return true;
        }
    }

    /// <summary>The three sockets, owned by the caller from now on.</summary>
    /// <exception cref="IOException">It was given up at the same moment.</exception>
    public IReadOnlyList<ProvedConnection> Take()
    {
        lock (_lock)
        {
            if (_isTaken)
                throw new IOException("The connection was given up.");
            _isTaken = true;
            return _sockets!;
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            if (_isTaken)
                return;
            _isTaken = true;
            foreach (var socket in _sockets)
                socket?.Dispose();
        }

        _complete.TrySetException(new IOException("The connection was given up."));
        _ = _complete.Task.Exception;
    }
}
