using System.Text;
using ElasticEp.Transport;
using ElasticEp.Transports.Rdma.Connections;
using ElasticEp.Transports.Rdma.Links;

namespace ElasticEp.Tests.Rdma;

/// <summary>The wire format of what sets a connection up.</summary>
public sealed class SetupMessageTests
{
    private static readonly LinkOffer[] Offers =
    [
        new(new UInt128(1, 2), new LinkLimits(64, 8192), new byte[] { 1, 2, 3 }),
        new(UInt128.MaxValue, new LinkLimits(1, 0), new byte[] { 4 }),
    ];

    [Fact]
    public void Offers_arrive_and_a_later_version_may_append_to_them()
    {
        byte[] bytes = [.. SetupMessage.Encode(Offers).Span, 77];
        bytes[1]++; // speaks the next version too
        var read = SetupMessage.DecodeOffers(bytes);
        Assert.Equal(Offers.Select(offer => (offer.Token, offer.Limits)), read.Select(offer => (offer.Token, offer.Limits)));
        Assert.Equal(Offers.Select(offer => offer.Address.ToArray()), read.Select(offer => offer.Address.ToArray()));
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(3, 3)]
    [InlineData(0, 0)]
    public void A_peer_of_another_version_is_incompatible(byte lowest, byte highest)
    {
        var bytes = SetupMessage.Encode(Offers).ToArray();
        (bytes[0], bytes[1]) = (lowest, highest);
        Assert.Equal(ElasticEpErrorCode.Incompatible, Assert.Throws<ElasticEpException>(() => SetupMessage.DecodeOffers(bytes)).Code);
    }

    [Fact]
    public void Offers_that_end_early_are_a_violation()
    {
        var bytes = SetupMessage.Encode(Offers).ToArray();
        for (var length = 0; length < bytes.Length; length++)
            Assert.Equal(ElasticEpErrorCode.ProtocolViolation, Assert.Throws<ElasticEpException>(() => SetupMessage.DecodeOffers(bytes.AsSpan(0, length))).Code);
    }

    [Fact]
    public void Offers_out_of_bounds_are_a_violation()
    {
        foreach (var limits in (LinkLimits[])[new(0, 1), new(4097, 1), new(1, -1), new(1, 65537)])
            Assert.Throws<ElasticEpException>(() => SetupMessage.DecodeOffers(SetupMessage.Encode([Offers[0] with { Limits = limits }, Offers[1]]).Span));
        Assert.Throws<ElasticEpException>(() => SetupMessage.DecodeOffers(SetupMessage.Encode([Offers[0] with { Address = default }, Offers[1]]).Span));
    }

    [Fact]
    public void Counts_arrive_and_are_not_negative()
    {
        Assert.Equal([3, long.MaxValue], SetupMessage.DecodeCounts(SetupMessage.Encode([3L, long.MaxValue]).Span));
        Assert.Throws<ElasticEpException>(() => SetupMessage.DecodeCounts(SetupMessage.Encode([0L, -1L]).Span));
        Assert.Throws<ElasticEpException>(() => SetupMessage.DecodeCounts(SetupMessage.Encode([0L]).Span));
    }

    [Fact]
    public void What_is_no_setup_message_is_a_violation()
    {
        Assert.Equal(SetupKind.Up, SetupMessage.ReadHead(new FrameInfo(SetupMessage.Head(SetupKind.Up), 10, 0)));
        Assert.Throws<ElasticEpException>(() => SetupMessage.ReadHead(new FrameInfo(SetupMessage.Head(SetupKind.Up), SetupMessage.MaxLength + 1, 0)));
        Assert.Throws<ElasticEpException>(() => SetupMessage.ReadHead(new FrameInfo(SetupMessage.Head(SetupKind.Up), 0, 1)));
        Assert.Throws<ElasticEpException>(() => SetupMessage.ReadHead(new FrameInfo(SetupMessage.Head((SetupKind)7), 0, 0)));
        Assert.Throws<ElasticEpException>(() => SetupMessage.ReadHead(new FrameInfo(default, 0, 0)));
    }

    [Fact]
    public void A_peers_words_bring_no_lines_of_their_own_into_a_log()
    {
        Assert.Equal("a?b?[31mc é", SetupMessage.DecodeText(Encoding.UTF8.GetBytes("a\nb\u001b[31mc é")));
        Assert.Equal(1000, SetupMessage.DecodeText(SetupMessage.Encode(new string('x', 5000)).Span).Length);
    }
}
