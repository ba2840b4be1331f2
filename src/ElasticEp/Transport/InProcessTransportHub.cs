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
            _endpoints.Remove(endpoint.Address);
    }

    /// <summary>
    /// Connects two ends, or returns when they are connected. A connection that is closing is waited for, so that each end
    /// hears of its end before it hears of the next one.
    /// </summary>
    internal async Task ConnectAsync(InProcessTransport from, int peer, string address, CancellationToken cancellationToken)
    {
        while (true)
        {
            var (connection, isNew) = GetOrAdd(from, peer, address, out var to);
            if (isNew)
            {
                connection.Open();
                return;
            }

            if (connection.Joins(from, to) && !connection.IsClosing)
            {
                await connection.Opened.WaitAsync(cancellationToken).ConfigureAwait(false);
                return;
            }

            var ended = connection.IsClosing ? connection.Ended : connection.CloseAsync(DisconnectReason.Replaced, "a newer incarnation has connected");
            await ended.WaitAsync(cancellationToken).ConfigureAwait(false);
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

    /// <summary>A peer vanishes without a goodbye. A callback that has begun may still end.</summary>
    internal void Kill(int peer)
    {
        foreach (var endpoint in EndpointsOf(peer))
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

    /// <summary>The connection that is in the way of a new one, or the new one.</summary>
    private (InProcessConnection Connection, bool IsNew) GetOrAdd(InProcessTransport from, int peer, string address, out InProcessTransport to)
    {
        var self = from.Self!;
        lock (_lock)
        {
            if (from.IsGone || !_endpoints.TryGetValue(address, out to!) || _partitions.Contains(Pair(self.Peer, peer)))
                throw new ElasticEpException(ElasticEpErrorCode.PeerLost, $"Nobody answers at {address}, where peer {peer} was expected.") { Rank = peer };
            Handshake.Check(self, to.Self!, peer);
            Handshake.CheckIncarnation(self, to.Incarnations);
            Handshake.CheckIncarnation(to.Self!, from.Incarnations);
            if (!from.Connections.TryGetValue(peer, out var present) && !to.Connections.TryGetValue(self.Peer, out present))
            {
                var connection = new InProcessConnection(from, to);
                from.Connections[peer] = to.Connections[self.Peer] = connection;
                from.Incarnations[peer] = to.Self!.Incarnation;
                to.Incarnations[self.Peer] = self.Incarnation;
                return (connection, true);
            }

            if (!present.IsClosing && !present.Joins(from, to))
                present.CheckReplacement(from, to);
            return (present, false);
        }
    }

    private InProcessTransport[] EndpointsOf(int peer)
    {
        lock (_lock)
            return [.. _endpoints.Values.Where(endpoint => endpoint.Self!.Peer == peer)];
    }

    private static (int, int) Pair(int a, int b) => a < b ? (a, b) : (b, a);
}
