using ElasticEp.Transport;

namespace ElasticEp.Transports.Tcp.Transport;

/// <summary>
/// What is left to send of one frame: how it begins, then the segments of its metadata and of its rows. Reused for every frame of a link. After
/// <see cref="Detach"/> it does not refer to the sender's memory any more.
/// </summary>
internal sealed class FrameCursor
{
    private const int Beginning = -1;

    private readonly byte[] _beginning = GC.AllocateUninitializedArray<byte>(FrameWire.Size, pinned: true);
    private readonly EpBuffer[] _next = new EpBuffer[1];
    private ReadOnlyMemory<EpBuffer> _metadata;
    private ReadOnlyMemory<EpBuffer> _rows;
    private int _part; // number of the segment, first of the metadata, then of the rows
    private long _offset; // in that part

    /// <summary>Bytes left.</summary>
    public long Left { get; private set; }

    public void Begin(in OutgoingFrame frame)
    {
        FrameWire.Write(_beginning, frame.Info);
        (_metadata, _rows, _part, _offset) = (frame.Metadata, frame.Rows, Beginning, 0);
        Left = FrameWire.Size + frame.Info.PayloadLength;
    }

    /// <summary>The pieces that come next.</summary>
    /// <returns>How many were filled in.</returns>
    public int Peek(Span<EpBuffer> pieces)
    {
        var count = 0;
        var offset = _offset;
        for (var part = _part; part < Parts && count < pieces.Length; part++)
        {
            var whole = part == Beginning ? EpBuffer.From(_beginning.AsMemory()) : Segment(part);
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
        while (_part < Parts)
        {
            var length = _part == Beginning ? FrameWire.Size : Segment(_part).ByteLength;
            if (_offset < length)
                return;
            _offset -= length;
            _part++;
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
        (_metadata, _rows, _part, _offset, Left) = (default, new[] { EpBuffer.From(rest) }, 0, 0, rest.Length);
    }

    /// <summary>Forgets the sender's memory.</summary>
    public void Clear()
    {
        (_metadata, _rows, _part, _offset, Left) = (default, default, 0, 0, 0);
        _next[0] = default;
    }

    private int Parts => _metadata.Length + _rows.Length;

    private EpBuffer Segment(int part) => part < _metadata.Length ? _metadata.Span[part] : _rows.Span[part - _metadata.Length];
}
