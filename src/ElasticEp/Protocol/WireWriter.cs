using System.Buffers;
using System.Buffers.Binary;
using System.Text;

namespace ElasticEp.Protocol;

/// <summary>Appends little-endian values; what protocol messages and records are encoded with.</summary>
/// <param name="isSharing">Whether what is <see cref="Share">shared</see> is kept apart: then the result is <see cref="ToPieces"/>, and otherwise <see cref="Written"/>.</param>
internal sealed class WireWriter(bool isSharing = false)
{
    private readonly ArrayBufferWriter<byte> _buffer = new(256);
    private readonly List<(int At, ReadOnlyMemory<byte> Bytes)>? _shared = isSharing ? [] : null;
    private int _sharedLength;

    /// <summary>What was written, but for what is kept apart.</summary>
    public ReadOnlyMemory<byte> Written => _buffer.WrittenMemory;

    /// <summary>Bytes of all that was written and shared.</summary>
    public int Length => _buffer.WrittenCount + _sharedLength;

    /// <summary>Overwrites four bytes that were written before.</summary>
    public void Patch(int offset, int value) => BinaryPrimitives.WriteInt32LittleEndian(System.Runtime.InteropServices.MemoryMarshal.AsMemory(_buffer.WrittenMemory).Span[offset..], value);

    public void Byte(byte value)
    {
        _buffer.GetSpan(1)[0] = value;
        _buffer.Advance(1);
    }

    public void Bool(bool value) => Byte(value ? (byte)1 : (byte)0);

    public void Int(int value)
    {
        BinaryPrimitives.WriteInt32LittleEndian(_buffer.GetSpan(4), value);
        _buffer.Advance(4);
    }

    public void Long(long value)
    {
        BinaryPrimitives.WriteInt64LittleEndian(_buffer.GetSpan(8), value);
        _buffer.Advance(8);
    }

    public void ULong(ulong value) => Long(unchecked((long)value));

    /// <summary>A value that is never negative and mostly small: seven bits a byte, the lowest first.</summary>
    public void VariableLong(long value)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(value);
        for (; value >= 0x80; value >>= 7)
            Byte((byte)(value | 0x80));
        Byte((byte)value);
    }

    public void Id(MemberId value)
    {
        Int(value.Rank);
        Long(value.Incarnation);
    }

    public void Ids(IReadOnlyCollection<MemberId> values)
    {
        Int(values.Count);
        foreach (var value in values)
            Id(value);
    }

    public void Text(string value)
    {
        var length = Encoding.UTF8.GetByteCount(value);
        Int(length);
        Encoding.UTF8.GetBytes(value, _buffer.GetSpan(length));
        _buffer.Advance(length);
    }

    /// <summary>Appends what others have encoded: a copy of it, or, for a writer that shares, the memory itself, which must never change.</summary>
    public void Share(ReadOnlyMemory<byte> encoded)
    {
        if (_shared is null)
        {
            _buffer.Write(encoded.Span);
            return;
        }

        _shared.Add((_buffer.WrittenCount, encoded));
        _sharedLength += encoded.Length;
    }

    /// <summary>All of it, in order: what was written between two shared pieces is one.</summary>
    public ReadOnlyMemory<byte>[] ToPieces()
    {
        var pieces = new List<ReadOnlyMemory<byte>>();
        var from = 0;
        foreach (var (at, bytes) in _shared ?? [])
        {
            if (at > from)
                pieces.Add(Written[from..at]);
            pieces.Add(bytes);
            from = at;
        }

        if (from < Written.Length)
            pieces.Add(Written[from..]);
        return [.. pieces];
    }

    public void Bytes(ReadOnlySpan<byte> value)
    {
        Int(value.Length);
        value.CopyTo(_buffer.GetSpan(value.Length));
        _buffer.Advance(value.Length);
    }
}
