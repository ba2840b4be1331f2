using System.Buffers.Binary;
using ElasticEp.Transport;

namespace ElasticEp.TestKit;

/// <summary>A frame as the suite uses it: frames are told apart by a number in their head, whose other bytes follow from it.</summary>
/// <param name="Step">The number.</param>
/// <param name="MetadataLength">Bytes of metadata.</param>
/// <param name="RowsLength">Bytes of rows.</param>
public readonly record struct SuiteFrame(long Step, int MetadataLength, long RowsLength)
{
    public static FrameHead Head(long step)
    {
        Span<byte> bytes = stackalloc byte[FrameHead.ByteLength];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, step);
        for (var i = sizeof(long); i < bytes.Length; i++)
            bytes[i] = (byte)((step * 7) + (i * 31));
        return new FrameHead(bytes);
    }

    /// <exception cref="InvalidOperationException">A byte of the head is not what was sent.</exception>
    public static SuiteFrame Read(in FrameInfo frame)
    {
        Span<byte> bytes = stackalloc byte[FrameHead.ByteLength];
        Span<byte> expected = stackalloc byte[FrameHead.ByteLength];
        frame.Head.CopyTo(bytes);
        var step = BinaryPrimitives.ReadInt64LittleEndian(bytes);
        Head(step).CopyTo(expected);
        return bytes.SequenceEqual(expected)
            ? new SuiteFrame(step, frame.MetadataLength, frame.RowsLength)
            : throw new InvalidOperationException($"The head of frame {step} has changed on its way: {Convert.ToHexString(bytes)}.");
    }
}
