using System.IO.Hashing;
using ElasticEp.Transport;

namespace ElasticEp.Weights;

/// <summary>The headers of frames on the weights link.</summary>
internal static class WeightFrames
{
    /// <summary>The flags of a refusal.</summary>
    public const ushort Refused = 1;

    /// <summary>A chunk. Its offset counts from the first byte of the transfer.</summary>
    public static FrameHeader Chunk(long transfer, long offset, EpBuffer payload) => new()
    {
        Operation = FrameOperation.Weights,
        Id = transfer,
        Offset = offset,
        Checksum = Checksum(payload),
    };

    public static FrameHeader Refusal(long transfer, WeightRefusal reason) => new()
    {
        Operation = FrameOperation.Weights,
        Flags = Refused,
        Id = transfer,
        Count = (int)reason,
    };

    /// <summary>XxHash3 over the bytes.</summary>
    public static ulong Checksum(EpBuffer payload)
    {
        if (payload.ByteLength <= int.MaxValue)
            return XxHash3.HashToUInt64(payload.AsSpan<byte>());
        var hash = new XxHash3();
        for (long offset = 0; offset < payload.ByteLength; offset += int.MaxValue)
            hash.Append(payload.AsSpan<byte>(offset, (int)Math.Min(int.MaxValue, payload.ByteLength - offset)));
        return hash.GetCurrentHashAsUInt64();
    }
}
