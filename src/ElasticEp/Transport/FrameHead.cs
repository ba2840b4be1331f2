using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace ElasticEp.Transport;

/// <summary>What its sender and its receiver know about a frame: 64 bytes that a transport carries and does not look into.</summary>
public readonly struct FrameHead
{
    /// <summary>Bytes of a head.</summary>
    public const int ByteLength = 64;

    private readonly Words _words;

    /// <summary>Creates a head.</summary>
    /// <param name="bytes">Exactly <see cref="ByteLength"/> bytes; copied.</param>
    /// <exception cref="ArgumentException">There are more or fewer.</exception>
    public FrameHead(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length != ByteLength)
            throw new ArgumentException($"A head of a frame has {ByteLength} bytes, not {bytes.Length}.", nameof(bytes));
        _words = MemoryMarshal.Read<Words>(bytes);
    }

    /// <summary>Writes the bytes.</summary>
    /// <param name="destination">At least <see cref="ByteLength"/> bytes.</param>
    public void CopyTo(Span<byte> destination) => MemoryMarshal.Write(destination, in _words);

    [InlineArray(ByteLength / sizeof(ulong))]
    private struct Words
    {
        private ulong _first;
    }
}
