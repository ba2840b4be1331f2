using ElasticEp.Protocol;
using ElasticEp.Transport;

namespace ElasticEp.Runtime;

/// <summary>
/// Sends the messages that take the weights link. Those that carry views take long to encode for a large group: that is done elsewhere than on
/// the mailbox, and whatever is sent to the same peer after one goes out after it.
/// </summary>
internal sealed class LongMessageSender(ITransport transport)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<MemberId, Task> _underWay = []; // peer → completes when the last message with a view that it gets is out

    /// <summary>Called by the mailbox alone: messages to a peer go out in the order of the calls.</summary>
    public async Task SendAsync(MemberId peer, ProtocolMessage message, CancellationToken cancellationToken)
    {
        var sent = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Task? before;
        bool isShort;
        lock (_lock)
        {
            before = _underWay.GetValueOrDefault(peer);
            isShort = before is null && message is not (PrepareMessage or StartMessage);
            if (!isShort)
                _underWay[peer] = sent.Task;
        }

        if (isShort)
        {
            await ProtocolSender.SendAsync(transport, peer, message, cancellationToken, LinkKind.Weights).ConfigureAwait(false);
            return;
        }

        try
        {
            await (before ?? Task.CompletedTask).ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
            await ProtocolSender.SendAsync(transport, peer, message, cancellationToken, LinkKind.Weights).ConfigureAwait(false);
        }
        finally
        {
            lock (_lock)
            {
                if (_underWay.GetValueOrDefault(peer) == sent.Task)
                    _underWay.Remove(peer);
            }

            sent.SetResult();
        }
    }
}
