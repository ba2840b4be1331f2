using ElasticEp.Events;
using ElasticEp.Protocol;
using ElasticEp.Transport;

namespace ElasticEp.Runtime;

/// <summary>Sends what a transport delivers to where it belongs: events, the exchange, the weights, the app's messages.</summary>
internal sealed partial class RankRuntime
{
    private sealed class FrameRouter(RankRuntime runtime) : ITransportHandler
    {
        public void OnConnected(PeerIdentity peer)
        {
            if (!peer.IsRank)
                return;
            runtime.Post(new RankEvent(RankEventKind.LinkUp) { Peer = peer.Peer, Number = peer.Incarnation });
            runtime._requests.OnConnected(peer.Peer);
        }

        public void OnDisconnected(PeerIdentity peer, DisconnectReason reason, string detail)
        {
            if (!peer.IsRank)
                return;
            runtime._weights.Weights.OnPeerLost(peer.Peer);
            runtime.Post(new RankEvent(RankEventKind.LinkLost) { Peer = peer.Peer, Number = peer.Incarnation, Payload = $"{reason}: {detail}" });
        }

        public ValueTask<FrameTarget> OnFrameAsync(PeerIdentity peer, LinkKind link, FrameHeader header, CancellationToken cancellationToken) => (link, header.Operation) switch
        {
            (LinkKind.Control, FrameOperation.StepEnd or FrameOperation.Wake) when peer.IsRank => ValueTask.FromResult(ControlFrames.Accept(header)),
            (LinkKind.Control, FrameOperation.Protocol or FrameOperation.App) => ValueTask.FromResult(ControlFrames.Accept(header)),
            (LinkKind.Data, FrameOperation.Dispatch or FrameOperation.Combine) when peer.IsRank => runtime._exchange.AcceptAsync(peer.Peer, header, cancellationToken),
            (LinkKind.Weights, FrameOperation.Weights) when peer.IsRank => ValueTask.FromResult(runtime._weights.Weights.Accept(peer.Peer, header)),
            _ => throw new ElasticEpException(ElasticEpErrorCode.ProtocolViolation, $"{(peer.IsRank ? "Rank" : "Client")} {peer.Peer} sent {header.Operation} on its {link} link."),
        };

        public void OnFrameCompleted(PeerIdentity peer, LinkKind link, in FrameHeader header, EpBuffer payload)
        {
            switch (header.Operation)
            {
                case FrameOperation.StepEnd:
                    runtime.Post(new RankEvent(RankEventKind.StepEnd)
                    {
                        Peer = peer.Peer,
                        Epoch = header.Epoch,
                        Step = header.Step,
                        Flag = (header.Flags & 1) != 0,
                        NextEpoch = header.Id,
                        NextDigest = header.Checksum,
                    });
                    break;
                case FrameOperation.Wake:
                    runtime.Post(new RankEvent(RankEventKind.Wake) { Peer = peer.Peer, Epoch = header.Epoch, Step = header.Step });
                    break;
                case FrameOperation.Protocol:
                    OnProtocol(peer, MessageCodec.Decode(payload.AsSpan<byte>()));
                    break;
                case FrameOperation.App:
                    runtime._messenger.Receive(new GroupMessage(peer.Peer, (int)header.Id, ControlFrames.Take(payload)));
                    break;
                case FrameOperation.Weights:
                    runtime._weights.Weights.OnFrameCompleted(peer.Peer, header, payload);
                    break;
                default:
                    runtime._exchange.Complete(peer.Peer, header, payload);
                    break;
            }
        }

        public void OnFrameAborted(PeerIdentity peer, LinkKind link, in FrameHeader header, EpBuffer payload)
        {
            if (link == LinkKind.Weights)
                runtime._weights.Weights.OnFrameAborted(peer.Peer, header);
            else if (link == LinkKind.Data)
                runtime._exchange.Aborted(peer.Peer, header);
        }

        private void OnProtocol(PeerIdentity peer, ProtocolMessage message)
        {
            var isForAnyone = message is OperationRequestMessage or CancelMessage or LaunchFailedMessage;
            if (!peer.IsRank && !isForAnyone)
                throw new ElasticEpException(ElasticEpErrorCode.ProtocolViolation, $"Client {peer.Peer} sent {message.GetType().Name}, which only ranks may.");
            if (message is ExpertLoadMessage load)
                runtime._load.Check(peer.Peer, load);
            if (message is WeightRequestMessage request)
                runtime._weights.Weights.OnRequest(peer.Peer, request.Request.Span);
            else
                runtime.Post(new RankEvent(RankEventKind.Message) { Peer = peer.Peer, Payload = message });
        }
    }
}
