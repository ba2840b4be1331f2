using System.Runtime.InteropServices;
using System.Threading.Channels;
using ElasticEp.Transport;

namespace ElasticEp.Runtime;

/// <summary>The app's messages: short ones over the control link, long ones over that of the weights, in the order in which they are sent.</summary>
internal sealed class GroupMessenger(ITransport transport, MemberId self, Func<MemberId, CancellationToken, ValueTask>? connect = null) : IGroupMessenger
{
    /// <summary>Bytes that may wait for a reader; a peer that sends more is cut off.</summary>
    public const long MaxWaitingBytes = 64L << 20;

    private const int MessageBytes = 64; // what a message takes beside its payload

    private readonly Channel<GroupMessage> _messages = Channel.CreateUnbounded<GroupMessage>(new UnboundedChannelOptions { SingleReader = true });
    private readonly Lock _lock = new();
    private readonly Dictionary<MemberId, MessageOrder> _orders = []; // of connected peers
    private readonly Lock _marking = new();
    private long _waitingBytes;
    private long _lastLong;

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

        if (payload.Length > AppFrames.LongestOnControlLink)
            await SendLongAsync(peer, topic, payload, cancellationToken).ConfigureAwait(false);
        else
            await transport.SendAsync(peer, LinkKind.Control, AppFrames.Message(topic).Encode(), MetadataOf(payload), default, cancellationToken).ConfigureAwait(false);
    }

    public async IAsyncEnumerable<GroupMessage> ReadAllAsync([System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        await foreach (var message in _messages.Reader.ReadAllAsync(cancellationToken).ConfigureAwait(false))
        {
            Interlocked.Add(ref _waitingBytes, -SizeOf(message));
            yield return message;
        }
    }

    /// <summary>A connection is up; before its first frame.</summary>
    public void OnConnected(PeerIdentity peer)
    {
        lock (_lock)
            _orders[peer.Id] = new MessageOrder();
    }

    /// <summary>A connection has ended; after its last frame.</summary>
    public void OnDisconnected(MemberId peer)
    {
        lock (_lock)
        {
            if (!_orders.Remove(peer, out var order))
                return;
            order.End();
            Deliver(order);
        }
    }

    /// <summary>A frame of the app has come.</summary>
    /// <exception cref="ElasticEpException"><see cref="ElasticEpErrorCode.ProtocolViolation"/>: close the connection.</exception>
    public void OnFrame(MemberId peer, LinkKind link, in FrameHeader header, EpBuffer payload)
    {
        if (AppFrames.FindFault(link, header) is { } fault)
            throw Violation(peer, $"{peer} sent {fault}.");
        GroupMessage? message = AppFrames.IsMark(header) || AppFrames.IsRevocation(header) ? null : new GroupMessage(peer, (int)header.Id, ControlFrames.Take(payload));
        if (message is { } admitted)
            Admit(admitted);
        lock (_lock)
        {
            var order = _orders[peer];
            if (!TryPlace(order, header, message))
                throw Violation(peer, $"App message {AppFrames.NumberOf(header)} of {peer} does not follow those before it.");
            Deliver(order);
        }
    }

    public void Complete() => _messages.Writer.TryComplete();

    private static bool TryPlace(MessageOrder order, in FrameHeader header, GroupMessage? message)
    {
        var number = AppFrames.NumberOf(header);
        if (number > 0)
            return AppFrames.IsMark(header) ? order.TryMark(number) : order.TryTakeLong(number, message);
        order.OnShort(message!.Value);
        return true;
    }

    private void Receive(in GroupMessage message)
    {
        Admit(message);
        _messages.Writer.TryWrite(message);
    }

    private void Admit(in GroupMessage message)
    {
        if (Interlocked.Add(ref _waitingBytes, SizeOf(message)) <= MaxWaitingBytes)
            return;
        Interlocked.Add(ref _waitingBytes, -SizeOf(message));
        throw Violation(message.Sender, $"More than {MaxWaitingBytes >> 20} MiB of app messages wait at {self}; read IGroupMessenger.ReadAllAsync, or send less.");
    }

    private void Deliver(MessageOrder order)
    {
        foreach (var message in order.Ready)
            _messages.Writer.TryWrite(message);
        foreach (var message in order.Dropped)
            Interlocked.Add(ref _waitingBytes, -SizeOf(message));
        order.Clear();
    }

    private async ValueTask SendLongAsync(MemberId peer, int topic, ReadOnlyMemory<byte> payload, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested(); // what is numbered costs its receiver a place
        long number;
        ValueTask mark;
        lock (_marking) // their places are taken in the order of their numbers
        {
            number = ++_lastLong;
            mark = transport.SendAsync(peer, LinkKind.Control, AppFrames.Mark(number).Encode(), default, default, cancellationToken);
        }

        var isSent = false;
        try
        {
            await mark.ConfigureAwait(false);
            await transport.SendAsync(peer, LinkKind.Weights, AppFrames.Message(topic, number).Encode(), MetadataOf(payload), default, cancellationToken).ConfigureAwait(false);
            isSent = true;
        }
        finally
        {
            if (!isSent)
                _ = RevokeAsync(peer, number); // its mark may have got through, and it itself too
        }
    }

    private async Task RevokeAsync(MemberId peer, long number)
    {
        try
        {
            await transport.SendAsync(peer, LinkKind.Weights, AppFrames.Revocation(number).Encode(), default, default, CancellationToken.None).ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is ElasticEpException or ObjectDisposedException)
        {
            // the connection has ended, and what waits at its other end with it
        }
    }

    private static ReadOnlyMemory<EpBuffer> MetadataOf(ReadOnlyMemory<byte> payload) => payload.IsEmpty ? default : new[] { EpBuffer.From(MemoryMarshal.AsMemory(payload)) };

    private static ElasticEpException Violation(MemberId peer, string what) => new(ElasticEpErrorCode.ProtocolViolation, what) { Rank = peer.Rank };

    private static int SizeOf(in GroupMessage message) => MessageBytes + message.Payload.Length;
}
