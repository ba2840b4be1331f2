using ElasticEp.Transport;

namespace ElasticEp.Transports.Tcp.Transport;

/// <summary>
/// What is left to send of one frame: its header, then its segments. Reused for every frame of a link. After
/// <see cref="Detach"/> it does not refer to the sender's memory any more.
/// </summary>
internal sealed class FrameCursor
{
    private readonly byte[] _header = GC.AllocateUninitializedArray<byte>(FrameHeader.Size, pinned: true);
    private readonly EpBuffer[] _next = new EpBuffer[1];
    private ReadOnlyMemory<EpBuffer> _segments;
    private int _segment;
    private long _offset; // in the header while _segment is −1

    /// <summary>Bytes left.</summary>
    public long Left { get; private set; }

    public void Begin(in FrameHeader header, ReadOnlyMemory<EpBuffer> segments)
    {
        header.Write(_header);
        (_segments, _segment, _offset) = (segments, -1, 0);
        Left = FrameHeader.Size + header.PayloadLength;
    }

    /// <summary>The pieces that come next.</summary>
    /// <returns>How many were filled in.</returns>
    public int Peek(Span<EpBuffer> pieces)
    {
        var count = 0;
        var offset = _offset;
        for (var segment = _segment; segment < _segments.Length && count < pieces.Length; segment++)
        {
            var whole = segment < 0 ? EpBuffer.From(_header.AsMemory()) : _segments.Span[segment];
            if (offset < whole.ByteLength)
                pieces[count++] = whole.SliceBytes(offset, whole.ByteLength - offset);
            offset = 0;
        }

        return count;
    }

    public void Advance(long bytes)
    {
        Left -= bytes;
        _offset += bytes;
        while (_segment < _segments.Length)
        {
            var length = _segment < 0 ? FrameHeader.Size : _segments.Span[_segment].ByteLength;
            if (_offset < length)
                return;
            _offset -= length;
            _segment++;
        }
    }

    /// <summary>Copies the next bytes and advances.</summary>
    /// <returns>How many.</returns>
    public int Take(Span<byte> destination)
    {
        var taken = 0;
        while (taken < destination.Length && Left > 0 && Peek(_next) == 1)
        {
            var count = (int)Math.Min(_next[0].ByteLength, destination.Length - taken);
            _next[0].AsSpan<byte>(0, count).CopyTo(destination[taken..]);
            taken += count;
            Advance(count);
        }

        return taken;
    }

    /// <summary>Copies what is left, which is not much: the sender wants its memory back, but half a frame is out.</summary>
    public void Detach()
    {
        var rest = new byte[Left];
        for (var taken = 0; taken < rest.Length;)
            taken += Take(rest.AsSpan(taken));
        (_segments, _segment, _offset, Left) = (new[] { EpBuffer.From(rest) }, 0, 0, rest.Length);
    }

    /// <summary>Forgets the sender's memory.</summary>
    public void Clear()
    {
        (_segments, _segment, _offset, Left) = (default, 0, 0, 0);
        _next[0] = default;
    }
}
