using System.Collections.Immutable;
using ElasticEp.Transport;

namespace ElasticEp.Runtime;

/// <summary>
/// Sends the heartbeats of one rank, from a thread of its own: a thread pool whose threads are all blocked does not make a rank look dead.
/// </summary>
internal sealed class Heartbeats : IDisposable
{
    private readonly Func<TimeSpan, (FrameHeader Header, ReadOnlyMemory<EpBuffer> Metadata)> _make;
    private readonly CoreLag _lag;
    private readonly Func<MemberId, FrameHeader, ReadOnlyMemory<EpBuffer>, Task> _send;
    private readonly ManualResetEventSlim _stopped = new();
    private readonly Dictionary<MemberId, Task> _underWay = [];
    private readonly TimeSpan _interval;
    private readonly Thread _thread;
    private ImmutableHashSet<MemberId> _clients = [];

    /// <param name="group">Names the thread.</param>
    /// <param name="rank">Likewise.</param>
    /// <param name="interval">Time between two heartbeats.</param>
    /// <param name="lag">For how long the rank has handled nothing.</param>
    /// <param name="make">Makes a heartbeat that says so, on that thread.</param>
    /// <param name="send">Sends a control frame, and never throws.</param>
    public Heartbeats(
        string group,
        int rank,
        TimeSpan interval,
        CoreLag lag,
        Func<TimeSpan, (FrameHeader Header, ReadOnlyMemory<EpBuffer> Metadata)> make,
        Func<MemberId, FrameHeader, ReadOnlyMemory<EpBuffer>, Task> send)
    {
        _interval = interval;
        _lag = lag;
        _make = make;
        _send = send;
        _thread = new Thread(Run, 256 << 10) { IsBackground = true, Name = $"ElasticEp {group}/{rank} heartbeats" };
    }

    /// <summary>The ranks that get them.</summary>
    public ImmutableArray<MemberId> Peers { private get; set; } = [];

    /// <summary>A client is connected: it gets them too, for as long as it is.</summary>
    public void AddClient(MemberId client) => ImmutableInterlocked.Update(ref _clients, clients => clients.Add(client));

    public void RemoveClient(MemberId client) => ImmutableInterlocked.Update(ref _clients, clients => clients.Remove(client));

    public void Start() => _thread.Start();

    public void Dispose() => _stopped.Set(); // the event is not disposed: the thread may be looking at it

    private void Run()
    {
        while (!_stopped.Wait(_interval))
        {
            MemberId[] peers = [.. Peers, .. _clients];
            var (header, metadata) = _make(_lag.Measure());
            foreach (var gone in _underWay.Keys.Except(peers).ToArray())
                _underWay.Remove(gone);
            foreach (var peer in peers)
            {
                // One that does not get out, because its receiver does not read, is not followed by more of them.
                if (!_underWay.TryGetValue(peer, out var before) || before.IsCompleted)
                    _underWay[peer] = _send(peer, header, metadata);
            }
        }
    }
}
