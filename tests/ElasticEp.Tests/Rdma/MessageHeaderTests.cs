using ElasticEp.TestKit;
using ElasticEp.Transport;
using ElasticEp.Transports.Rdma.Wire;

namespace ElasticEp.Tests.Rdma;

/// <summary>The wire format of messages between endpoints of UCX.</summary>
public sealed class MessageHeaderTests
{
    private static readonly UInt128 Token = new(0x0123456789ABCDEF, 0xFEDCBA9876543210);

    [Fact]
    public void Every_field_of_a_message_arrives()
    {
        var sent = new MessageHeader(MessageKind.Clear, Token, long.MaxValue) { IsDiscarded = true, MetadataLength = 7, Position = 1L << 50 };
        var bytes = new byte[MessageHeader.Size];
        Assert.Equal(MessageHeader.Size, sent.Write(bytes));
        Assert.True(MessageHeader.TryReadToken(bytes, out var token));
        Assert.Equal((Token, sent), (token, MessageHeader.Read(bytes)));
    }

    [Fact]
    public void The_head_of_a_frame_arrives()
    {
        var bytes = new byte[MessageHeader.FrameSize];
        Assert.Equal(MessageHeader.FrameSize, MessageHeader.Write(bytes, Token, 5, new FrameInfo(SuiteFrame.Head(9), 11, 13)));
        var header = MessageHeader.Read(bytes);
        Assert.Equal((MessageKind.Frame, 5), (header.Kind, header.Sequence));
        Assert.Equal(new SuiteFrame(9, 11, 13), SuiteFrame.Read(header.ReadFrame(bytes)));
    }

    [Fact]
    public void A_message_of_another_version_or_too_short_is_for_nobody()
    {
        var bytes = new byte[MessageHeader.Size];
        new MessageHeader(MessageKind.Hello, Token, 0).Write(bytes);
        Assert.False(MessageHeader.TryReadToken(bytes.AsSpan(1), out _));
        bytes[0]++;
        Assert.False(MessageHeader.TryReadToken(bytes, out _));
    }

    [Theory]
    [InlineData(1, 0)] // no such kind
    [InlineData(1, 6)]
    [InlineData(2, 2)] // neither wanted nor discarded
    [InlineData(7, 0x80)] // negative: metadata
    [InlineData(31, 0x80)] // sequence
    [InlineData(39, 0x80)] // position
    public void A_malformed_header_is_a_violation(int at, byte value)
    {
        var bytes = new byte[MessageHeader.Size];
        new MessageHeader(MessageKind.Hello, Token, 0).Write(bytes);
        bytes[at] = value;
        Assert.Equal(ElasticEpErrorCode.ProtocolViolation, Assert.Throws<ElasticEpException>(() => MessageHeader.Read(bytes)).Code);
        Assert.Throws<ElasticEpException>(() => MessageHeader.Read([.. bytes, 0]));
    }

    [Fact]
    public void Lengths_that_do_not_fit_together_are_a_violation()
    {
        var bytes = new byte[MessageHeader.FrameSize];
        MessageHeader.Write(bytes, Token, 0, new FrameInfo(SuiteFrame.Head(1), int.MaxValue, long.MaxValue));
        Assert.Throws<ElasticEpException>(() => MessageHeader.Read(bytes));
    }
}
