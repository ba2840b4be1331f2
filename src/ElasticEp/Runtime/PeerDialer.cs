using ElasticEp.Events;
using ElasticEp.Transport;

namespace ElasticEp.Runtime;

/// <summary>Makes and ends connections as PeerCore says. An attempt ends with an event; whether there is another one is not decided here.</summary>
internal sealed class PeerDialer(ITransport transport, TimeSpan attemptDeadline, TimeProvider time, Action<ControlEvent> post, CancellationToken stopped)
{
    public void Dial(GroupMember peer) => _ = DialAsync(peer);

    public void Disconnect(MemberId peer) => _ = DisconnectAsync(peer);

    private async Task DialAsync(GroupMember peer)
    {
        using var deadline = new CancellationTokenSource(attemptDeadline, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, stopped);
        var (result, detail) = (DialResult.Connected, "");
        try
        {
            await transport.ConnectAsync(peer.Id, peer.Address, either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            (result, detail) = (DialResult.Unreachable, $"no answer at {peer.Address} within {attemptDeadline}");
        }
        catch (Exception exception)
        {
            (result, detail) = (ResultOf(exception), exception.Message);
        }

        if (!stopped.IsCancellationRequested)
            post(new DialEnded(peer.Id, result, detail));
    }

    private static DialResult ResultOf(Exception exception) => exception is not ElasticEpException { Code: var code }
        ? DialResult.Unreachable
        : code switch
        {
            ElasticEpErrorCode.ConnectionRefused => DialResult.Refused,
            ElasticEpErrorCode.PeerReplaced => DialResult.Replaced,
            ElasticEpErrorCode.PeerLost => DialResult.Unreachable,
            _ => DialResult.Rejected,
        };

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
}
