using System.Runtime.InteropServices;

namespace ElasticEp.Transport;

/// <summary>A payload in native memory of its own, for a frame that outlives its sender's call.</summary>
internal sealed unsafe class PayloadCopy : IDisposable
{
    /// <summary>Most bytes that are copied for a sender that does not wait any more: a copy takes time and memory, of every link at once.</summary>
    public const int MostBytes = 32 << 20;

    private const int Piece = 1 << 30; // a span cannot be longer than an int

    private void* _memory;

    public PayloadCopy(ReadOnlySpan<EpBuffer> segments, long length)
    {
        if (length == 0)
            return;
        _memory = NativeMemory.Alloc(checked((nuint)length));
        Buffer = EpBuffer.FromPointer((nint)_memory, length, ElementType.Byte);
        Copy(segments, Buffer);
    }

    ~PayloadCopy() => Free();

    public EpBuffer Buffer { get; }

    /// <summary>Why a connection ends when a send is cancelled of which more is left.</summary>
    public static string TooLong(long left) => $"a send was cancelled of which {left} bytes were left; at most {MostBytes} are copied to go on without the sender's memory";

    /// <summary>Writes the segments one after another.</summary>
    public static void Copy(ReadOnlySpan<EpBuffer> segments, EpBuffer destination)
    {
        long at = 0;
        foreach (var segment in segments)
        {
            for (long done = 0; done < segment.ByteLength; done += Piece)
            {
                var length = (int)Math.Min(Piece, segment.ByteLength - done);
                segment.AsSpan<byte>(done, length).CopyTo(destination.AsSpan<byte>(at + done, length));
            }

            at += segment.ByteLength;
        }
    }

    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    private void Free()
    {
        NativeMemory.Free(_memory);
        _memory = null;
    }
}
