using ElasticEp.Transport;
using ElasticEp.Transports.Tcp.Connecting;
using ElasticEp.Transports.Tcp.Transport;

namespace ElasticEp.Tests.Tcp;

/// <summary>Two releases talk while one replaces the other: they use the highest version that both speak.</summary>
public sealed class VersionTests
{
    private static readonly byte Now = GreetingWire.Versions.Highest;

    [Theory]
    [InlineData(0, 0, 0, 1, 0)]
    [InlineData(0, 1, 0, 0, 0)]
    [InlineData(0, 1, 0, 1, 1)]
    [InlineData(0, 2, 1, 1, 1)]
    public async Task Two_ends_use_the_highest_version_that_both_speak(byte lowest, byte highest, byte otherLowest, byte otherHighest, byte expected)
    {
        await using var group = new TcpGroup(TcpLinks.Tcp);
        var a = await group.StartAsync(0, versions: Range(lowest, highest));
        var b = await group.StartAsync(1, versions: Range(otherLowest, otherHighest));
        await a.ConnectAsync(b);
        Assert.Equal("up 0/1", await b.Handler.NextConnectionAsync());
        await a.ExchangeAsync(b, 1);
        Assert.Equal(Now + expected, a.Transport.VersionWith(b.Self.Id)!.Value);
        Assert.Equal(Now + expected, b.Transport.VersionWith(a.Self.Id)!.Value);
    }

    [Fact]
    public async Task Ends_without_a_common_version_name_both_ranges()
    {
        var log = new ListLogger();
        await using var group = new TcpGroup(TcpLinks.Tcp, log);
        var a = await group.StartAsync(0);
        var b = await group.StartAsync(1, versions: Range(1, 2));
        var refused = await Assert.ThrowsAsync<ElasticEpException>(() => a.ConnectAsync(b));
        Assert.Equal(ElasticEpErrorCode.Incompatible, refused.Code);
        Assert.Contains($"it speaks versions {Now + 1} to {Now + 2} of the transport's protocol, this process version {Now}", refused.Message, StringComparison.Ordinal);
        Assert.Contains($"it speaks version {Now} of the transport's protocol, this process versions {Now + 1} to {Now + 2}", await log.NextAsync(), StringComparison.Ordinal);
        Assert.Empty(b.Handler.Log);
    }

    [Fact]
    public async Task Fields_that_a_later_version_appends_to_a_hello_are_skipped()
    {
        await using var group = new TcpGroup(TcpLinks.Tcp);
        var b = await group.StartAsync(1);
        var hello = new Hello(LinkKind.Control, 7, 0, RawLink.Stranger(), b.Self.Id);
        var links = new List<RawLink>();
        foreach (var link in Enum.GetValues<LinkKind>())
        {
            links.Add(await RawLink.JoinAsync(b, TcpLinks.Tcp));
            byte[] message = [.. (hello with { Link = link }).Encode().Span, 1, 2, 3, 4];
            var (versions, answer) = await links[^1].GreetAsync(Range(0, 1), message);
            Assert.Equal((GreetingWire.Versions, HelloVerdict.Accepted), (versions, HelloAnswer.Decode(answer).Verdict));
        }

        Assert.Equal("up 9/1", await b.Handler.NextConnectionAsync());
        links.ForEach(link => link.Dispose());
    }

    [Fact]
    public void A_greeting_says_which_version_of_messages_is_read()
    {
        var hello = new Hello(LinkKind.Control, 7, 0, RawLink.Stranger() with { ReadsVersion = 9 }, new MemberId(1, 1));
        Assert.Equal(hello, Hello.Decode(hello.Encode().Span));
    }

    [Fact]
    public void Fields_that_a_later_version_appends_to_an_answer_are_skipped()
    {
        var answer = new HelloAnswer(HelloVerdict.Refused, 5, "no", RawLink.Stranger());
        Assert.Equal(answer, HelloAnswer.Decode([.. answer.Encode().Span, 1, 2, 3, 4]));
    }

    private static VersionRange Range(byte lowest, byte highest) => new((byte)(Now + lowest), (byte)(Now + highest));
}
