using ElasticEp.Events;
using ElasticEp.Transport;
using Microsoft.Extensions.Logging;

namespace ElasticEp.Runtime;

/// <summary>Makes connections that a core wants, and makes those to members again when they end. Completion is an event.</summary>
internal sealed partial class PeerConnections(GroupServices services, ITransport transport, Action<ControlEvent> post, CancellationToken stopped)
{
    private static readonly TimeSpan RetryDelay = TimeSpan.FromMilliseconds(50);

    private readonly ILogger _logger = services.Loggers.CreateLogger<PeerConnections>();
    private readonly Lock _lock = new();
    private readonly Dictionary<MemberId, Attempt> _underWay = [];

    /// <summary>Connects → LinkUp from the transport, or ConnectFailed: at once when it is refused, else after the connect deadline.</summary>
    public void Connect(GroupMember peer) => Start(peer, isReconnect: false);

    /// <summary>A member's connection has ended: connects again → LinkUp, or PeerLost as <see cref="Connect"/> would fail.</summary>
    public void Reconnect(GroupMember peer) => Start(peer, isReconnect: true);

    public void Disconnect(MemberId peer)
    {
        lock (_lock)
            _underWay.Remove(peer);
        _ = DisconnectAsync(peer);
    }

    private void Start(GroupMember peer, bool isReconnect)
    {
        Attempt? attempt;
        lock (_lock)
        {
            var isUnderWay = _underWay.TryGetValue(peer.Id, out attempt);
            if (!isUnderWay)
                _underWay[peer.Id] = attempt = new Attempt();
            attempt!.Requests++;
            attempt.IsConnect |= !isReconnect;
            attempt.IsReconnect |= isReconnect;
            if (isUnderWay)
                return;
        }

        _ = ConnectAsync(peer, attempt);
    }

    private async Task ConnectAsync(GroupMember peer, Attempt attempt)
    {
        var started = services.Time.GetTimestamp();
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(stopped);
        using var timer = services.Time.CreateTimer(static state => ((CancellationTokenSource)state!).Cancel(), deadline, services.Options.ConnectDeadline, Timeout.InfiniteTimeSpan);
        var (reason, loss) = ("no answer", LossReason.Unreachable);
        try
        {
            while (!deadline.IsCancellationRequested && IsWanted(peer.Id, attempt, out var requests))
            {
                try
                {
                    await transport.ConnectAsync(peer.Id, peer.Address, deadline.Token).ConfigureAwait(false);
                    if (TryEnd(peer.Id, attempt, requests))
                        return;
                    continue;
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
            // refused for good: another process has taken the number, or another layout, or another group
            var isReplaced = exception is ElasticEpException { Code: ElasticEpErrorCode.PeerReplaced };
            (reason, loss) = (exception.Message, isReplaced ? LossReason.Replaced : loss);
        }

        if (TryEnd(peer.Id, attempt, int.MaxValue) && !stopped.IsCancellationRequested)
            PostFailure(peer, attempt, loss, $"{reason} (tried for {services.Time.GetElapsedTime(started).TotalSeconds:0.0} s)");
    }

    private bool IsWanted(MemberId peer, Attempt attempt, out int requests)
    {
        lock (_lock)
        {
            requests = attempt.Requests;
            return _underWay.GetValueOrDefault(peer) == attempt;
        }
    }

    /// <summary>Ends an attempt, unless nobody wants it any more, or the connection was requested anew since so many requests: it may have ended meanwhile.</summary>
    private bool TryEnd(MemberId peer, Attempt attempt, int requests)
    {
        lock (_lock)
            return attempt.Requests <= requests && _underWay.GetValueOrDefault(peer) == attempt && _underWay.Remove(peer);
    }

    private void PostFailure(GroupMember peer, Attempt attempt, LossReason loss, string reason)
    {
        LogConnectFailed(services.Name, peer.Id, peer.Address, reason);
        if (attempt.IsConnect)
            post(new ConnectFailed(peer.Id, loss, reason));
        if (attempt.IsReconnect)
            post(new PeerLost(peer.Id, loss, reason));
    }

    private async Task DisconnectAsync(MemberId peer)
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

    [LoggerMessage(1010, LogLevel.Warning, "Group {Group}: no connection to {Peer} at {Address}: {Reason}")]
    private partial void LogConnectFailed(string group, MemberId peer, string address, string reason);

    private sealed class Attempt
    {
        /// <summary>How often it was requested so far.</summary>
        public int Requests { get; set; }

        /// <summary>Whether a failure is a ConnectFailed.</summary>
        public bool IsConnect { get; set; }

        /// <summary>Whether a failure is a PeerLost.</summary>
        public bool IsReconnect { get; set; }
    }
}
