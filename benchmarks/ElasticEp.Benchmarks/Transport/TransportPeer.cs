using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using ElasticEp.Transport;

namespace ElasticEp.Benchmarks.Transport;

/// <summary>The other process: takes frames into two native buffers in turn, and as many bytes of plain sockets into two others.</summary>
internal sealed class TransportPeer : ITransportHandler
{
    private const int MaxFrame = 4 << 20;

    private readonly nint[] _buffers = [NativeMemoryBlock.Allocate(MaxFrame), NativeMemoryBlock.Allocate(MaxFrame)];
    private ITransport _transport = null!;
    private LinkKind _small;
    private int _turn;

    public static async Task<int> RunAsync()
    {
        var addresses = new List<string>();
        foreach (var link in FrameLinks.Present)
            addresses.Add(await StartAsync(link));
        using var plainTcp = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        plainTcp.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        var name = $"elasticep-benchmark-{Environment.ProcessId}";
        using var plainUnix = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        plainUnix.Bind(new UnixDomainSocketEndPoint('\0' + name));
        foreach (var listener in new[] { plainTcp, plainUnix })
        {
            listener.Listen();
            _ = ServeAsync(listener);
        }

        Console.WriteLine($"{plainTcp.LocalEndPoint} {name} {string.Join(' ', addresses)}");
        await Console.In.ReadLineAsync();
        return 0;
    }

    public void OnConnected(PeerIdentity peer)
    {
    }

    public void OnDisconnected(PeerIdentity peer, DisconnectReason reason, string detail)
    {
    }

    public ValueTask<FrameTarget> OnFrameAsync(PeerIdentity peer, LinkKind link, FrameInfo frame, CancellationToken cancellationToken) =>
        new(FrameTarget.Deliver(default, frame.RowsLength == 0 ? default : EpBuffer.FromPointer(_buffers[_turn++ & 1], frame.RowsLength, ElementType.Byte)));

    public void OnFrameCompleted(PeerIdentity peer, LinkKind link, in FrameInfo frame, in FrameTarget target)
    {
        if (FrameHeader.Read(frame).Flags == 1)
            _ = _transport.SendAsync(peer.Id, _small, new FrameHeader { Operation = FrameOperation.StepEnd }.Encode(), default, default).AsTask();
    }

    public void OnFrameAborted(PeerIdentity peer, LinkKind link, in FrameInfo frame, in FrameTarget target)
    {
    }

    private static async Task<string> StartAsync(FrameLink link)
    {
        var peer = new TransportPeer { _transport = link.Create(), _small = link.Small() };
        await peer._transport.StartAsync(new PeerIdentity("benchmark", new MemberId(1, 1), "", ""), peer);
        return peer._transport.Address;
    }

    private static async Task ServeAsync(Socket listener)
    {
        using var socket = await listener.AcceptAsync();
        if (socket.AddressFamily == AddressFamily.InterNetwork)
            socket.NoDelay = true;
        var small = new byte[64];
        var buffers = new[] { GC.AllocateUninitializedArray<byte>(MaxFrame, pinned: true), GC.AllocateUninitializedArray<byte>(MaxFrame, pinned: true) };
        while (await ReceiveAsync(socket, small))
        {
            var size = BinaryPrimitives.ReadInt32LittleEndian(small);
            var count = size == 0 ? 0 : BinaryPrimitives.ReadInt64LittleEndian(small.AsSpan(8)) / size;
            for (var i = 0; i < count; i++)
                await ReceiveAsync(socket, buffers[i & 1].AsMemory(0, size)); // whole payloads, in two places in turn, as the frames
            await socket.SendAsync(size == 0 ? small : small.AsMemory(0, 1), SocketFlags.None);
        }
    }

    private static async Task<bool> ReceiveAsync(Socket socket, Memory<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            var count = await socket.ReceiveAsync(bytes, SocketFlags.None);
            if (count == 0)
                return false;
            bytes = bytes[count..];
        }

        return true;
    }
}
