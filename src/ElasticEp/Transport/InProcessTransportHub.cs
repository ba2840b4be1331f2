namespace ElasticEp.Transport;

/// <summary>
/// Where the in-process transports of one process meet. Create one, and give it to every rank and client of the group.
/// </summary>
public sealed class InProcessTransportHub
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, InProcessTransport> _endpoints = new(StringComparer.Ordinal);
    private readonly HashSet<(int, int)> _partitions = [];
    private readonly HashSet<int> _paused = [];
    private TaskCompletionSource _resumed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _pausedCount;
    private long _addresses;

    internal string NewAddress() => $"inproc:{Interlocked.Increment(ref _addresses)}";

    internal void Register(InProcessTransport endpoint)
    {
        lock (_lock)
        {
            if (!endpoint.IsGone)
                _endpoints[endpoint.Address] = endpoint;
        }
    }

    /// <summary>Once it returns, the endpoint gets no further connection.</summary>
    internal void Unregister(InProcessTransport endpoint)
    {
        lock (_lock)
        {
            if (_endpoints.GetValueOrDefault(endpoint.Address) == endpoint)
                _endpoints.Remove(endpoint.Address);
        }
    }

    /// <summary>
    /// Connects two ends, or returns when they are connected. A connection that is closing is waited for, so that each end
    /// hears of its end before it hears of the next one.
    /// </summary>
    internal async Task ConnectAsync(InProcessTransport from, MemberId peer, string address, CancellationToken cancellationToken)
    {
        while (true)
        {
            var (connection, isNew) = GetOrAdd(from, peer, address);
            if (isNew)
            {
                connection.Open();
                return;
            }

            if (!connection.IsClosing)
            {
                await connection.Opened.WaitAsync(cancellationToken).ConfigureAwait(false);
                return;
            }

            await connection.Ended.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    internal bool IsPaused(int a, int b)
    {
        if (Volatile.Read(ref _pausedCount) == 0)
            return false;
        lock (_lock)
            return _paused.Contains(a) || _paused.Contains(b);
    }

    internal async Task WaitWhilePausedAsync(int a, int b, CancellationToken cancellationToken)
    {
        while (true)
        {
            Task resumed;
            lock (_lock)
            {
                if (!_paused.Contains(a) && !_paused.Contains(b))
                    return;
                resumed = _resumed.Task;
            }

            await resumed.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Breaks the connection of two peers; they may connect again.</summary>
    internal void Drop(int a, int b)
    {
        foreach (var endpoint in EndpointsOf(a))
            endpoint.Break(b, "the link was dropped");
    }

    /// <summary>Breaks the connection of two peers and refuses new ones until <see cref="Heal"/>.</summary>
    internal void Partition(int a, int b)
    {
        lock (_lock)
            _partitions.Add(Pair(a, b));
        Drop(a, b);
    }

    internal void Heal(int a, int b)
    {
        lock (_lock)
            _partitions.Remove(Pair(a, b));
    }

    /// <summary>All processes of a number vanish without a goodbye. A callback that has begun may still end.</summary>
    internal void Kill(int rank)
    {
        foreach (var endpoint in EndpointsOf(rank))
            endpoint.Kill();
    }

    /// <summary>Holds the frames to and from a peer until <see cref="Resume"/>; its connections stay.</summary>
    internal void Pause(int peer)
    {
        lock (_lock)
        {
            _paused.Add(peer);
            Volatile.Write(ref _pausedCount, _paused.Count);
        }
    }

    internal void Resume(int peer)
    {
        TaskCompletionSource resumed;
        lock (_lock)
        {
            _paused.Remove(peer);
            Volatile.Write(ref _pausedCount, _paused.Count);
            (resumed, _resumed) = (_resumed, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        }

        resumed.TrySetResult();
    }

    /// <summary>The connection of two processes: the present one, which may be on its way out, or a new one.</summary>
    private (InProcessConnection Connection, bool IsNew) GetOrAdd(InProcessTransport from, MemberId peer, string address)
    {
        var self = from.Self!;
        lock (_lock)
        {
            if (from.IsGone || _partitions.Contains(Pair(self.Id.Rank, peer.Rank)))
                throw new ElasticEpException(ElasticEpErrorCode.PeerLost, $"Nobody answers at {address}, where {peer} was expected.") { Rank = peer.Rank };
            if (!_endpoints.TryGetValue(address, out var to))
                throw new ElasticEpException(ElasticEpErrorCode.ConnectionRefused, $"Nobody listens at {address}, where {peer} was expected.") { Rank = peer.Rank };
            Handshake.Check(self, to.Self!, peer);
            if (from.Connections.TryGetValue(peer, out var present) || to.Connections.TryGetValue(self.Id, out present))
            {
                return present.Joins(from, to)
                    ? (present, false)
                    : throw Handshake.Incompatible($"{peer} and {self.Id} are connected already, and another process at {self.Address} or {address} claims to be one of them", peer);
            }

            var connection = new InProcessConnection(from, to);
            from.Connections[peer] = to.Connections[self.Id] = connection;
            return (connection, true);
        }
    }

    private InProcessTransport[] EndpointsOf(int rank)
    {
        lock (_lock)
            return [.. _endpoints.Values.Where(endpoint => endpoint.Self!.Id.Rank == rank)];
    }

    private static (int, int) Pair(int a, int b) => a < b ? (a, b) : (b, a);
}
