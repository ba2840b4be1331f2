using System.Buffers;
using System.Net.Sockets;
using System.Runtime.CompilerServices;

namespace ElasticEp.Transports.Tcp.Transport;

/// <summary>A link on a plain socket.</summary>
internal sealed class SocketWire(Socket socket) : ILinkWire
{
    private const int MaxPieces = 256; // rows of 2 KiB and more come one by one
    private const int MaxPiece = 1 << 30;

    private readonly EpBuffer[] _pieces = new EpBuffer[MaxPieces];
    private readonly MemoryHandle[] _pins = new MemoryHandle[MaxPieces];
    private readonly NativeSocket.Piece[] _vector = GC.AllocateUninitializedArray<NativeSocket.Piece>(MaxPieces, pinned: true);

    /// <summary>Small: it only finds out when there is room again; the rest goes out of the sender's own memory.</summary>
    public int StageSize => 4096;

    public unsafe int TrySend(FrameCursor frame)
    {
        var count = frame.Peek(_pieces);
        try
        {
            for (var i = 0; i < count; i++)
                _vector[i] = Pin(_pieces[i], out _pins[i]);
            fixed (NativeSocket.Piece* vector = _vector)
            {
                var sent = (int)Math.Max(0, NativeSocket.Send(socket.SafeHandle, vector, count));
                frame.Advance(sent);
                return sent;
            }
        }
        finally
        {
            for (var i = 0; i < count; i++)
                _pins[i].Dispose();
            Array.Clear(_pieces, 0, count);
        }
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    public async ValueTask SendAsync(ReadOnlyMemory<byte> bytes)
    {
        while (!bytes.IsEmpty)
            bytes = bytes[await socket.SendAsync(bytes, SocketFlags.None).ConfigureAwait(false)..];
    }

    public unsafe long TryReceive(EpBuffer first, EpBuffer second, Span<byte> next)
    {
        var vector = stackalloc NativeSocket.Piece[3];
        var (firstPin, secondPin) = (default(MemoryHandle), default(MemoryHandle));
        try
        {
            vector[0] = Pin(first, out firstPin);
            vector[1] = Pin(second, out secondPin);
            fixed (byte* start = next)
            {
                vector[2] = new NativeSocket.Piece { Start = start, Length = (nuint)next.Length };
                var count = vector[0].Length < (nuint)first.ByteLength ? 1 : vector[1].Length < (nuint)second.ByteLength ? 2 : 3;
                return NativeSocket.Receive(socket.SafeHandle, vector, count);
            }
        }
        finally
        {
            firstPin.Dispose();
            secondPin.Dispose();
        }
    }

    public ValueTask<int> ReceiveAsync(Memory<byte> buffer, CancellationToken cancellationToken) => socket.ReceiveAsync(buffer, SocketFlags.None, cancellationToken);

    public void Dispose() => socket.Dispose();

    private static unsafe NativeSocket.Piece Pin(EpBuffer buffer, out MemoryHandle pin)
    {
        pin = buffer.Pointer == 0 ? buffer.Managed.Pin() : default;
        return new NativeSocket.Piece
        {
            Start = buffer.Pointer == 0 ? pin.Pointer : (void*)buffer.Pointer,
            Length = (nuint)Math.Min(buffer.ByteLength, MaxPiece),
        };
    }
}
