using ElasticEp.Events;
using ElasticEp.Protocol;
using ElasticEp.Transport;
using Microsoft.Extensions.Logging;

namespace ElasticEp.Runtime;

/// <summary>Frames: the control frames that this rank sends, and where what comes belongs: events, the exchange, the weights, the app's messages.</summary>
internal sealed partial class RankRuntime
{
    private void Broadcast(in RankEffect effect)
    {
        var header = ControlFrames.Of(effect);
        foreach (var member in effect.View!.Members)
        {
            if (member.Rank == Rank)
                continue;
            _ = SendControlAsync(member.Id, header, default);
            if (effect.Kind == StepEffectKind.SendStepEnd)
                _reach?.Invoke(FaultPoints.InsideStepEnd);
        }
    }

    private async Task SendControlAsync(MemberId peer, FrameHeader header, ReadOnlyMemory<EpBuffer> metadata)
    {
        try
        {
            await _services.Transport.SendAsync(peer, LinkKind.Control, header.Encode(), metadata, default, _stopped.Token).ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is ElasticEpException or OperationCanceledException or ObjectDisposedException)
        {
            LogNotSent(Name, _core.Member.Self, peer, exception.Message); // the lost link is an event of its own
        }
    }

    private async Task SendAsync(MemberId peer, ProtocolMessage message)
    {
        try
        {
            if (MessageLinks.Of(message) == LinkKind.Weights)
                await _longMessages.SendAsync(peer, message, _stopped.Token).ConfigureAwait(false);
            else
                await ProtocolSender.SendAsync(_services.Transport, peer, message, _stopped.Token).ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is ElasticEpException or OperationCanceledException or ObjectDisposedException)
        {
            LogNotSent(Name, _core.Member.Self, peer, exception.Message);
        }
    }

    private sealed class FrameRouter(RankRuntime runtime) : ITransportHandler
    {
        public void OnConnected(PeerIdentity peer)
        {
            runtime._messenger!.OnConnected(peer);
            if (!peer.IsRank)
            {
                runtime._heartbeats.AddClient(peer.Id);
                return;
            }

            runtime.Post(new LinkUp(peer.Id));
            runtime._requests.OnConnected(peer.Id);
        }

        public void OnDisconnected(PeerIdentity peer, DisconnectReason reason, string detail)
        {
            runtime._messenger!.OnDisconnected(peer.Id);
            if (!peer.IsRank)
            {
                runtime._heartbeats.RemoveClient(peer.Id);
                return;
            }

            runtime.Post(new LinkLost(peer.Id, reason, detail)); // first: what fails for it is judged knowing that
            runtime._weights.Weights.OnPeerLost(peer.Id);
        }

        public ValueTask<FrameTarget> OnFrameAsync(PeerIdentity peer, LinkKind link, FrameInfo frame, CancellationToken cancellationToken)
        {
            ProtocolVersion.Check(peer);
            ref readonly var header = ref FrameHeader.Read(frame);
            return (link, header.Operation) switch
            {
                (LinkKind.Control, FrameOperation.StepEnd or FrameOperation.Wake or FrameOperation.Beat) when peer.IsRank => ValueTask.FromResult(ControlFrames.Accept(header)),
                (LinkKind.Control, FrameOperation.Protocol or FrameOperation.App) => ValueTask.FromResult(ControlFrames.Accept(header)),
                (LinkKind.Data, FrameOperation.Dispatch or FrameOperation.Combine or FrameOperation.Notice) when peer.IsRank => runtime._exchange.AcceptAsync(peer.Id, header, cancellationToken),
                (LinkKind.Weights, FrameOperation.Weights) when peer.IsRank => ValueTask.FromResult(runtime._weights.Weights.Accept(peer.Id, header)),
                (LinkKind.Weights, FrameOperation.Protocol) when peer.IsRank => ValueTask.FromResult(ControlFrames.Accept(header)),
                (LinkKind.Weights, FrameOperation.App) => ValueTask.FromResult(ControlFrames.Accept(header)),
                _ => throw new ElasticEpException(ElasticEpErrorCode.ProtocolViolation, $"{peer.Id} sent {header.Operation} on its {link} link."),
            };
        }

        public void OnFrameCompleted(PeerIdentity peer, LinkKind link, in FrameInfo frame, in FrameTarget target)
        {
            ref readonly var header = ref FrameHeader.Read(frame);
            switch (header.Operation)
            {
                case FrameOperation.StepEnd or FrameOperation.Wake or FrameOperation.Beat:
                    runtime.Post(ControlFrames.EventOf(peer.Id, header));
                    break;
                case FrameOperation.Protocol:
                    OnProtocol(peer, link, MessageCodec.Decode(target.Metadata.AsSpan<byte>(), peer.IsRank));
                    break;
                case FrameOperation.App:
                    runtime._messenger!.OnFrame(peer.Id, link, header, target.Metadata);
                    break;
                case FrameOperation.Weights:
                    runtime._weights.Weights.OnFrameCompleted(peer.Id, header, target.Rows);
                    break;
                case FrameOperation.Notice:
                    runtime._exchange.OnNotice(peer.Id, target.Metadata);
                    break;
                default:
                    runtime._exchange.Complete(peer.Id, header);
                    break;
            }
        }

        public void OnFrameAborted(PeerIdentity peer, LinkKind link, in FrameInfo frame, in FrameTarget target)
        {
            ref readonly var header = ref FrameHeader.Read(frame);
            if (header.Operation == FrameOperation.Weights)
                runtime._weights.Weights.OnFrameAborted(peer.Id, header);
            else if (header.Operation is FrameOperation.Dispatch or FrameOperation.Combine)
                runtime._exchange.Aborted(peer.Id, header);
        }

        private void OnProtocol(PeerIdentity peer, LinkKind link, ProtocolMessage message)
        {
            if (link == LinkKind.Weights && MessageLinks.Of(message) != link)
                throw new ElasticEpException(ElasticEpErrorCode.ProtocolViolation, $"{peer.Id} sent {message.GetType().Name} on its {link} link.");
            if (message is OperationRequestMessage { Request.Violation: { } what })
                throw new ElasticEpException(ElasticEpErrorCode.ProtocolViolation, $"{peer.Id} requested {what}.");
            if (message is ExpertLoadMessage load)
                runtime._load.Check(peer.Id, load);
            if (message is WeightRequestMessage request)
                runtime._weights.Weights.OnRequest(peer.Id, request.Request.Span);
            else
                runtime.Post(new MessageReceived(peer.Id, message));
        }
    }
}
