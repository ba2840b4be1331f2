using System.Collections.Concurrent;
using ElasticEp.TestKit;
using ElasticEp.Transport;

namespace ElasticEp.Tests.Tcp;

/// <summary>Six peers that connect, part, break, die, come back, send and hold frames at random, all at the same time.</summary>
internal sealed class ChaosMesh(TcpLinks links, int seed) : IAsyncDisposable
{
    private const int Peers = 6;
    private const int Workers = 6;
    private const int Operations = 150;

    private readonly TcpGroup _group = new(links);
    private readonly TcpPeer[] _peers = new TcpPeer[Peers];
    private readonly ConcurrentQueue<string> _surprises = new();
    private readonly SemaphoreSlim _replacing = new(1, 1);
    private TaskCompletionSource _gate = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile bool _isOver;

    public async Task RunAsync()
    {
        for (var peer = 0; peer < Peers; peer++)
            _peers[peer] = await StartAsync(peer, 1);
        await Task.WhenAll(Enumerable.Range(0, Workers).Select(worker => Task.Run(() => WorkAsync(new Random((seed * 31) + worker))))).WaitAsync(TcpGroup.Deadline);
        _isOver = true;
        _gate.TrySetResult();
        Assert.Empty(_surprises);
        await Task.WhenAll(
            from a in Enumerable.Range(0, Peers)
            from b in Enumerable.Range(0, Peers)
            where a != b
            select Task.Run(() => SettleAsync(_peers[a], _peers[b]))).WaitAsync(TcpGroup.Deadline * 2);
    }

    public ValueTask DisposeAsync() => _group.DisposeAsync();

    /// <summary>A handshake that waits for nothing takes far longer than any deadline here.</summary>
    private async Task<TcpPeer> StartAsync(int peer, long incarnation)
    {
        var started = await _group.StartAsync(peer, incarnation, options => options.HandshakeTimeout = TimeSpan.FromMinutes(2));
        started.Handler.OnFrame = HoldSomeAsync;
        return started;
    }

    private async ValueTask<FrameTarget> HoldSomeAsync(LinkKind link, SuiteFrame header, CancellationToken cancellationToken)
    {
        if (header.Step % 5 == 0 && !_isOver)
            await Volatile.Read(ref _gate).Task.WaitAsync(cancellationToken);
        return header.Step % 7 == 0 && !_isOver ? FrameTarget.Discard : RecordingHandler.Deliver(header);
    }

    private async Task WorkAsync(Random random)
    {
        for (var i = 0; i < Operations; i++)
        {
            var a = random.Next(Peers);
            var b = (a + random.Next(1, Peers)) % Peers;
            var operation = random.Next(100);
            try
            {
                await ActAsync(operation, a, b, random).WaitAsync(TcpGroup.Deadline);
            }
            catch (Exception exception) when (exception is ObjectDisposedException or OperationCanceledException || exception is ElasticEpException { Code: ElasticEpErrorCode.PeerLost or ElasticEpErrorCode.ConnectionRefused or ElasticEpErrorCode.PeerReplaced or ElasticEpErrorCode.Incompatible })
            {
                // what happens to a process whose peers come and go
            }
            catch (Exception exception)
            {
                _surprises.Enqueue($"operation {operation} of {a} and {b}: {exception}");
            }
        }
    }

    private async Task ActAsync(int operation, int a, int b, Random random)
    {
        var (mine, other) = (Volatile.Read(ref _peers[a]), Volatile.Read(ref _peers[b]));
        switch (operation)
        {
            case < 25:
                await mine.ConnectAsync(other);
                break;
            case < 40:
                await Task.WhenAll(Task.Run(() => mine.ConnectAsync(other)), Task.Run(() => other.ConnectAsync(mine)));
                break;
            case < 48:
                await mine.Transport.DisconnectAsync(other.Self.Id);
                break;
            case < 52:
                mine.Transport.Break(other.Self.Id);
                break;
            case < 56:
                mine.Transport.Abort(other.Self.Id, DisconnectReason.Aborted, "chaos");
                break;
            case < 58:
                await ReplaceAsync(a);
                break;
            case < 65:
                Interlocked.Exchange(ref _gate, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).TrySetResult();
                break;
            default:
                using (var cancel = new CancellationTokenSource())
                {
                    var sending = mine.SendAsync(other.Self.Id, (LinkKind)random.Next(3), random.Next(1, 1000), random.Next(3) == 0 ? random.Next(2 << 20) : random.Next(2000), cancel.Token);
                    cancel.CancelAfter(TimeSpan.FromMilliseconds(random.Next(20)));
                    await sending;
                }

                break;
        }
    }

    private async Task ReplaceAsync(int peer)
    {
        await _replacing.WaitAsync();
        try
        {
            var old = _peers[peer];
            _ = _group.KillAsync(old);
            Volatile.Write(ref _peers[peer], await StartAsync(peer, old.Self.Id.Incarnation + 1));
        }
        finally
        {
            _replacing.Release();
        }
    }

    /// <summary>A connection may still be ending; but soon the two are connected, and both of them know it.</summary>
    private static async Task SettleAsync(TcpPeer from, TcpPeer to)
    {
        var started = TimeProvider.System.GetTimestamp();
        for (var step = 1_000_001L + (from.Self.Id.Rank * 1000); ; step++)
        {
            try
            {
                await from.ConnectAsync(to);
                await from.SendAsync(to.Self.Id, LinkKind.Data, step, 100).WaitAsync(TcpGroup.Deadline);
                if (await HasArrivedAsync(to.Handler, step))
                    return;
            }
            catch (ElasticEpException exception) when (exception.Code is ElasticEpErrorCode.PeerLost or ElasticEpErrorCode.ConnectionRefused)
            {
                // the next attempt tells
            }

            if (TimeProvider.System.GetElapsedTime(started) > TcpGroup.Deadline)
                Assert.Fail($"A frame of {from.Self.Id} does not arrive at {to.Self.Id}. There: {string.Join(", ", to.Handler.Log)}. Here: {string.Join(", ", from.Handler.Log)}.");
        }
    }

    private static async Task<bool> HasArrivedAsync(RecordingHandler handler, long step)
    {
        using var poll = new PeriodicTimer(TimeSpan.FromMilliseconds(5));
        for (var i = 0; i < 200; i++)
        {
            if (handler.Log.Contains($"frame {step}"))
                return true;
            await poll.WaitForNextTickAsync();
        }

        return false;
    }
}
