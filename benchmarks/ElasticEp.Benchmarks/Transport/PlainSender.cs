using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace ElasticEp.Benchmarks.Transport;

/// <summary>The baseline: asynchronous sends on a plain socket, one buffer after another, no frames.</summary>
internal sealed class PlainSender : IDisposable
{
    private readonly Socket _socket;
    private readonly byte[] _buffer = GC.AllocateUninitializedArray<byte>(4 << 20, pinned: true);
    private readonly byte[] _small = new byte[64];

    private PlainSender(Socket socket) => _socket = socket;

    public static async Task<PlainSender> ConnectAsync(EndPoint address)
    {
        var socket = new Socket(address.AddressFamily, SocketType.Stream, address is IPEndPoint ? ProtocolType.Tcp : ProtocolType.Unspecified);
        if (address is IPEndPoint)
            socket.NoDelay = true;
        await socket.ConnectAsync(address);
        return new PlainSender(socket);
    }

    public async Task StreamAsync(int size, int count)
    {
        await BeginAsync(size, (long)size * count);
        for (var i = 0; i < count; i++)
            await SendAsync(_buffer.AsMemory(0, size));
        await ReceiveAsync(_small.AsMemory(0, 1));
    }

    public async Task RoundTripAsync()
    {
        await BeginAsync(0, 0);
        await ReceiveAsync(_small);
    }

    public void Dispose() => _socket.Dispose();

    /// <summary>64 bytes that say what follows: buffers of a size, so many bytes in all; nothing asks for 64 bytes back.</summary>
    private async Task BeginAsync(int size, long total)
    {
        BinaryPrimitives.WriteInt32LittleEndian(_small, size);
        BinaryPrimitives.WriteInt64LittleEndian(_small.AsSpan(8), total);
        await SendAsync(_small);
    }

    private async ValueTask SendAsync(ReadOnlyMemory<byte> bytes)
    {
        while (!bytes.IsEmpty)
            bytes = bytes[await _socket.SendAsync(bytes, SocketFlags.None)..];
    }

    private async ValueTask ReceiveAsync(Memory<byte> bytes)
    {
        while (!bytes.IsEmpty)
            bytes = bytes[await _socket.ReceiveAsync(bytes, SocketFlags.None)..];
    }
}
