using System.Collections.Concurrent;
using ElasticEp.Events;
using ElasticEp.Transport;
using Microsoft.Extensions.Logging;

namespace ElasticEp.Runtime;

/// <summary>Makes connections that a core asked for, and makes those to members again when they end. Completion is an event.</summary>
internal sealed partial class PeerConnections(GroupServices services, ITransport transport, Action<RankEvent> post, CancellationToken stopped)
{
    private static readonly TimeSpan RetryDelay = TimeSpan.FromMilliseconds(50);

    private readonly ILogger _logger = services.Loggers.CreateLogger<PeerConnections>();
    private readonly ConcurrentDictionary<int, string> _underWay = new(); // peer → the address that is being tried

    /// <summary>Connects → LinkUp from the transport, or ConnectFailed after the connect deadline.</summary>
    public void Connect(int peer, string address) => _ = ConnectAsync(peer, address, RankEventKind.ConnectFailed, 0);

    /// <summary>A member's connection has ended: connects again → LinkUp, or RankLost after the connect deadline.</summary>
    public void Reconnect(GroupMember member) => _ = ConnectAsync(member.Rank, member.Address, RankEventKind.RankLost, member.Incarnation);

    public void Disconnect(int peer)
    {
        _underWay.TryRemove(peer, out _);
        _ = DisconnectAsync(peer);
    }

    private bool IsWanted(int peer, string address) => _underWay.TryGetValue(peer, out var wanted) && wanted == address;

    private async Task ConnectAsync(int peer, string address, RankEventKind failure, long incarnation)
    {
        if (_underWay.TryGetValue(peer, out var present) && present == address)
            return;
        _underWay[peer] = address; // a newer process of the peer: the older attempt gives up
        var started = services.Time.GetTimestamp();
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(stopped);
        using var timer = services.Time.CreateTimer(static state => ((CancellationTokenSource)state!).Cancel(), deadline, services.Options.ConnectDeadline, Timeout.InfiniteTimeSpan);
        var (reason, isSuperseded) = ("no answer", false);
        try
        {
            while (!deadline.IsCancellationRequested && IsWanted(peer, address))
            {
                try
                {
                    await transport.ConnectAsync(peer, address, deadline.Token).ConfigureAwait(false);
                    return;
                }
                catch (ElasticEpException exception) when (exception.Code == ElasticEpErrorCode.PeerLost)
                {
                    reason = exception.Message;
                }

                await Task.Delay(RetryDelay, services.Time, deadline.Token).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException)
        {
            // the deadline, or this process stops
        }
        catch (Exception exception)
        {
            reason = exception.Message; // refused for good: another layout, another group
        }
        finally
        {
            isSuperseded = !_underWay.TryRemove(new KeyValuePair<int, string>(peer, address));
        }

        if (stopped.IsCancellationRequested || isSuperseded)
            return;
        var elapsed = services.Time.GetElapsedTime(started);
        LogConnectFailed(services.Name, peer, address, elapsed, reason);
        post(new RankEvent(failure) { Peer = peer, Number = incarnation, Payload = $"{reason} (tried for {elapsed.TotalSeconds:0.0} s)" });
    }

    private async Task DisconnectAsync(int peer)
    {
        try
        {
            await transport.DisconnectAsync(peer, stopped).ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is OperationCanceledException or ElasticEpException or ObjectDisposedException)
        {
            // the connection is gone either way
        }
    }

    [LoggerMessage(1010, LogLevel.Warning, "Group {Group}: no connection to rank {Peer} at {Address} after {Elapsed}: {Reason}")]
    private partial void LogConnectFailed(string group, int peer, string address, TimeSpan elapsed, string reason);
}
