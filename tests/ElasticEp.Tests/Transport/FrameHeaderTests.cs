using System.Buffers.Binary;
using ElasticEp.Transport;

namespace ElasticEp.Tests.Transport;

/// <summary>The head of a frame is what its sender wrote, or it is refused.</summary>
public sealed class FrameHeaderTests
{
    private static readonly FrameHeader Full = new()
    {
        Operation = FrameOperation.Weights,
        Flags = 0xABCD,
        Layer = 1,
        Epoch = 1L << 40,
        Step = 3,
        Lane = 4,
        Count = 5,
        Id = -7,
        Offset = 1L << 50,
        Checksum = ulong.MaxValue,
    };

    [Fact]
    public void Every_field_of_a_header_is_read_as_it_was_written()
    {
        var read = FrameHeader.Read(new FrameInfo(Full.Encode(), 12, 1L << 33));
        Assert.Equal(Full with { MetadataLength = 12, RowsLength = 1L << 33 }, read);
    }

    [Fact]
    public void A_header_of_another_version_is_refused_with_both_versions()
    {
        var refused = Refused(bytes => bytes[0] = FrameHeader.CurrentVersion + 1);
        Assert.Equal(ElasticEpErrorCode.Incompatible, refused.Code);
        Assert.Contains($"version {FrameHeader.CurrentVersion + 1}, this process of version {FrameHeader.CurrentVersion}", refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(4)]
    [InlineData(24)]
    [InlineData(28)]
    public void A_negative_number_of_32_bits_is_refused(int offset) =>
        Assert.Equal(ElasticEpErrorCode.ProtocolViolation, Refused(bytes => BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(offset), -1)).Code);

    [Theory]
    [InlineData(8)]
    [InlineData(16)]
    [InlineData(48)]
    public void A_negative_number_of_64_bits_is_refused(int offset) =>
        Assert.Equal(ElasticEpErrorCode.ProtocolViolation, Refused(bytes => BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(offset), -1)).Code);

    [Fact]
    public void Every_operation_is_known()
    {
        foreach (var operation in Enum.GetValues<FrameOperation>())
            Assert.Equal(operation, FrameHeader.Read(new FrameInfo((Full with { Operation = operation }).Encode(), 0, 0)).Operation);
    }

    [Fact]
    public void An_unknown_operation_is_refused() =>
        Assert.Equal(ElasticEpErrorCode.ProtocolViolation, Refused(bytes => bytes[1] = 99).Code);

    private static ElasticEpException Refused(Action<byte[]> change)
    {
        var bytes = new byte[FrameHead.ByteLength];
        Full.Encode().CopyTo(bytes);
        change(bytes);
        return Assert.Throws<ElasticEpException>(() => FrameHeader.Read(new FrameInfo(new FrameHead(bytes), 0, 0)));
    }
}
