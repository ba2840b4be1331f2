using System.Buffers.Binary;
using System.Text;

namespace ElasticEp.Protocol;

/// <summary>Reads what <see cref="WireWriter"/> wrote. Input from the wire: every length is checked against what is left.</summary>
internal ref struct WireReader(ReadOnlySpan<byte> source)
{
    private ReadOnlySpan<byte> _rest = source;

    public readonly bool IsAtEnd => _rest.IsEmpty;

    public byte Byte() => Take(1)[0];

    public bool Bool() => Byte() switch
    {
        0 => false,
        1 => true,
        var other => throw Malformed($"a flag has the value {other}"),
    };

    public int Int() => BinaryPrimitives.ReadInt32LittleEndian(Take(4));

    public long Long() => BinaryPrimitives.ReadInt64LittleEndian(Take(8));

    public ulong ULong() => BinaryPrimitives.ReadUInt64LittleEndian(Take(8));

    /// <summary>What <see cref="WireWriter.VariableLong"/> wrote; anything longer than it would write is an error.</summary>
    public long VariableLong()
    {
        var value = 0L;
        for (var shift = 0; shift < 63; shift += 7)
        {
            var next = Byte();
            value |= (long)(next & 0x7F) << shift;
            if (next < 0x80)
                return next != 0 || shift == 0 ? value : throw Malformed("a number has a byte too many");
        }

        throw Malformed("a number has more than 63 bits");
    }

    /// <summary>A time to wait, as long as anybody may ask for.</summary>
    public TimeSpan Time()
    {
        var ticks = Long();
        return ticks >= 0 && ticks <= ElasticEpOptions.LongestTime.Ticks ? new TimeSpan(ticks) : throw Malformed($"a time of {ticks} ticks");
    }

    /// <summary>The same, or null.</summary>
    public TimeSpan? OptionalTime() => Bool() ? Time() : null;

    public MemberId Id() => new(Int(), Long());

    public MemberId[] Ids()
    {
        var ids = new MemberId[Count(12)];
        for (var i = 0; i < ids.Length; i++)
            ids[i] = Id();
        return ids;
    }

    public string Text() => Encoding.UTF8.GetString(Take(Int()));

    public byte[] Bytes() => Take(Int()).ToArray();

    /// <summary>A count of items that need at least <paramref name="minimumBytes"/> each.</summary>
    public int Count(int minimumBytes)
    {
        var count = Int();
        return count >= 0 && count <= _rest.Length / Math.Max(1, minimumBytes) ? count : throw Malformed($"a count of {count} does not fit into {_rest.Length} bytes");
    }

    /// <summary>A value of an enumeration of bytes without gaps.</summary>
    public byte Below(int count)
    {
        var value = Byte();
        return value < count ? value : throw Malformed($"{value} is not below {count}");
    }

    /// <summary>How many bytes are left: what a message describes must be in some proportion to its length.</summary>
    public readonly int Left => _rest.Length;

    public readonly void End()
    {
        if (!IsAtEnd)
            throw Malformed($"{_rest.Length} bytes are left over");
    }

    public static ElasticEpException Malformed(string what) => new(ElasticEpErrorCode.ProtocolViolation, $"A message is malformed: {what}.");

    private ReadOnlySpan<byte> Take(int length)
    {
        if (length < 0 || length > _rest.Length)
            throw Malformed($"{length} bytes wanted, {_rest.Length} left");
        var taken = _rest[..length];
        _rest = _rest[length..];
        return taken;
    }
}
