using System.Threading.Channels;
using ElasticEp.Transport;

namespace ElasticEp.Runtime;

/// <summary>The app's messages over the control link.</summary>
internal sealed class GroupMessenger(ITransport transport, MemberId self, Func<MemberId, CancellationToken, ValueTask>? connect = null) : IGroupMessenger
{
    /// <summary>Bytes that may wait for a reader; a peer that sends more is cut off.</summary>
    public const long MaxWaitingBytes = 64L << 20;

    private const int MessageBytes = 64; // what a message takes beside its payload

    private readonly Channel<GroupMessage> _messages = Channel.CreateUnbounded<GroupMessage>(new UnboundedChannelOptions { SingleReader = true });
    private long _waitingBytes;

    public MemberId Self => self;

    public async ValueTask SendAsync(MemberId peer, int topic, ReadOnlyMemory<byte> payload, CancellationToken cancellationToken = default)
    {
        if (peer == self)
        {
            Receive(new GroupMessage(self, topic, payload.ToArray()));
            return;
        }

        if (connect is not null)
            await connect(peer, cancellationToken).ConfigureAwait(false);

        var header = new FrameHeader { Operation = FrameOperation.App, Id = topic, PayloadLength = payload.Length };
        var segments = payload.IsEmpty ? default : new ReadOnlyMemory<EpBuffer>([EpBuffer.From(System.Runtime.InteropServices.MemoryMarshal.AsMemory(payload))]);
        await transport.SendAsync(peer, LinkKind.Control, header, segments, cancellationToken).ConfigureAwait(false);
    }

    public async IAsyncEnumerable<GroupMessage> ReadAllAsync([System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        await foreach (var message in _messages.Reader.ReadAllAsync(cancellationToken).ConfigureAwait(false))
        {
            Interlocked.Add(ref _waitingBytes, -SizeOf(message));
            yield return message;
        }
    }

    public void Receive(GroupMessage message)
    {
        if (Interlocked.Add(ref _waitingBytes, SizeOf(message)) > MaxWaitingBytes)
        {
            Interlocked.Add(ref _waitingBytes, -SizeOf(message));
            throw new ElasticEpException(
                ElasticEpErrorCode.ProtocolViolation,
                $"More than {MaxWaitingBytes >> 20} MiB of app messages wait at {self}; read IGroupMessenger.ReadAllAsync, or send less.")
            { Rank = message.Sender.Rank };
        }

        _messages.Writer.TryWrite(message);
    }

    private static int SizeOf(in GroupMessage message) => MessageBytes + message.Payload.Length;

    public void Complete() => _messages.Writer.TryComplete();
}
