using System.Buffers.Binary;
using ElasticEp.Transport;
using ElasticEp.Transports.Tcp.Transport;
using Microsoft.Extensions.Time.Testing;

namespace ElasticEp.Tests.Tcp;

/// <summary>What a caller says before its connection is up can close that caller's sockets and nothing else.</summary>
[Collection(nameof(AloneCollection))]
public sealed class GreetingFuzzTests
{
    private readonly FakeTimeProvider _time = new(); // a real one could be over before an honest end has spoken

    [Theory]
    [InlineData(TcpLinks.Tcp, 1)]
    [InlineData(TcpLinks.Unix, 2)]
    public async Task Garbage_closes_the_caller_alone(TcpLinks links, int seed)
    {
        await using var group = new TcpGroup(links, time: _time);
        var (a, b) = await group.PairAsync();
        var random = new Random(seed);
        for (var round = 0; round < 60; round++)
        {
            using var caller = round % 2 == 0 ? await RawLink.OpenAsync(b, links) : await RawLink.JoinAsync(b, links);
            var bytes = new byte[random.Next(6, 300)];
            random.NextBytes(bytes);
            if (round % 4 == 3)
                GreetingWire.Encode(GreetingWire.Versions, bytes.AsSpan(6)).CopyTo(bytes, 0);
            await caller.WriteAsync(bytes);
            caller.EndSending();
            await caller.ClosedAsync();
        }

        await a.ExchangeAsync(b, seed);
    }

    [Theory]
    [InlineData(TcpLinks.Tcp, int.MaxValue)]
    [InlineData(TcpLinks.Tcp, int.MinValue)]
    [InlineData(TcpLinks.Unix, -1)]
    [InlineData(TcpLinks.Unix, (16 << 10) + 1)]
    public async Task A_greeting_of_an_impossible_length_is_not_waited_for(TcpLinks links, int length)
    {
        await using var group = new TcpGroup(links, time: new FakeTimeProvider());
        var (a, b) = await group.PairAsync();
        using var caller = await RawLink.JoinAsync(b, links);
        var bytes = GreetingWire.Encode(GreetingWire.Versions, []);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(2), length);
        await caller.WriteAsync(bytes);
        await caller.ClosedAsync();
        await a.ExchangeAsync(b, 1);
    }

    [Theory]
    [InlineData(TcpLinks.Tcp)]
    [InlineData(TcpLinks.Unix)]
    public async Task A_hello_with_flipped_bits_is_refused_or_waited_for(TcpLinks links)
    {
        const int Seed = 3;
        await using var group = new TcpGroup(links, time: _time);
        var (a, b) = await group.PairAsync();
        var random = new Random(Seed);
        for (var round = 0; round < 100; round++)
        {
            using var caller = await RawLink.JoinAsync(b, links);
            var hello = GreetingWire.Encode(GreetingWire.Versions, new Hello(LinkKind.Control, random.NextInt64(), 0, RawLink.Stranger(), new MemberId(1, 1)).Encode().Span);
            for (var flips = random.Next(1, 4); flips > 0; flips--)
                hello[random.Next(hello.Length)] ^= (byte)(1 << random.Next(8));
            await caller.WriteAsync(hello.AsMemory(0, round % 3 == 0 ? random.Next(hello.Length) : hello.Length));
            caller.EndSending();
            await caller.ClosedAsync();
        }

        await a.ExchangeAsync(b, Seed);
    }

    [Fact]
    public async Task A_hello_of_somebody_else_is_refused_with_the_reason()
    {
        await using var group = new TcpGroup(TcpLinks.Tcp);
        var b = await group.StartAsync(1);
        var hello = new Hello(LinkKind.Control, 7, 0, RawLink.Stranger(), new MemberId(1, 1));
        foreach (var (wrong, word) in new[]
        {
            (hello with { Wanted = new MemberId(2, 1) }, "rank 2 (incarnation 1) was expected"),
            (hello with { Wanted = new MemberId(1, 7) }, "rank 1 (incarnation 7) was expected"),
            (hello with { Self = hello.Self with { Group = "other" } }, "'other'"),
            (hello with { Self = hello.Self with { Layout = "rows=Float64;hidden=16" } }, "rows=Float64"),
            (hello with { Self = hello.Self with { Id = new MemberId(1, 9) } }, "both ends are rank 1"),
        })
        {
            using var caller = await RawLink.JoinAsync(b, TcpLinks.Tcp);
            var answer = await caller.HelloAsync(wrong);
            Assert.Equal(HelloVerdict.Refused, answer.Verdict);
            Assert.Contains(word, answer.Text, StringComparison.Ordinal);
            await caller.ClosedAsync();
        }
    }

    [Theory]
    [InlineData(TcpLinks.Tcp)]
    [InlineData(TcpLinks.Unix)]
    public async Task A_link_of_no_connection_is_refused(TcpLinks links)
    {
        await using var group = new TcpGroup(links);
        var (a, b) = await group.PairAsync();
        foreach (var identity in new[] { RawLink.Stranger(), a.Self })
        {
            using var caller = await RawLink.JoinAsync(b, links);
            Assert.Equal(HelloVerdict.Refused, (await caller.HelloAsync(new Hello(LinkKind.Data, 7, 0, identity, new MemberId(1, 1)))).Verdict);
            await caller.ClosedAsync();
        }

        await a.ExchangeAsync(b, 1);
    }

    [Theory]
    [InlineData(TcpLinks.Tcp)]
    [InlineData(TcpLinks.Unix)]
    public async Task A_link_that_is_there_already_is_closed(TcpLinks links)
    {
        await using var group = new TcpGroup(links);
        var b = await group.StartAsync(1);
        var hello = new Hello(LinkKind.Control, 7, 0, RawLink.Stranger(), new MemberId(1, 1));
        using var control = await RawLink.JoinAsync(b, links);
        await control.HelloAsync(hello);
        using var data = await RawLink.JoinAsync(b, links);
        Assert.Equal(HelloVerdict.Accepted, (await data.HelloAsync(hello with { Link = LinkKind.Data })).Verdict);
        using var again = await RawLink.JoinAsync(b, links);
        Assert.Equal(HelloVerdict.Refused, (await again.HelloAsync(hello with { Link = LinkKind.Data })).Verdict);
        await again.ClosedAsync();
        using var weights = await RawLink.JoinAsync(b, links);
        Assert.Equal(HelloVerdict.Accepted, (await weights.HelloAsync(hello with { Link = LinkKind.Weights })).Verdict);
        Assert.Equal("up 9/1", await b.Handler.NextConnectionAsync());
    }

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    [InlineData(40)]
    public async Task Silence_in_the_middle_ends_with_the_time_for_the_handshake(int bytes)
    {
        await using var group = new TcpGroup(TcpLinks.Tcp, time: _time);
        var (a, b) = await group.PairAsync();
        var hello = GreetingWire.Encode(GreetingWire.Versions, new Hello(LinkKind.Control, 7, 0, RawLink.Stranger(), new MemberId(1, 1)).Encode().Span);
        using var unproved = await RawLink.OpenAsync(b, TcpLinks.Tcp);
        using var proved = await RawLink.JoinAsync(b, TcpLinks.Tcp);
        using var alone = await RawLink.JoinAsync(b, TcpLinks.Tcp);
        await unproved.WriteAsync("EEP"u8[..Math.Min(3, bytes)].ToArray());
        await proved.WriteAsync(hello.AsMemory(0, bytes));
        await alone.HelloAsync(new Hello(LinkKind.Control, 7, 0, RawLink.Stranger(), new MemberId(1, 1))); // and no further links
        await unproved.ClosedAsync(_time);
        await proved.ClosedAsync(_time);
        await alone.ClosedAsync(_time);
        await a.ExchangeAsync(b, 1);
    }

    [Fact]
    public async Task A_caller_that_goes_before_its_links_are_there_is_not_waited_for()
    {
        await using var group = new TcpGroup(TcpLinks.Tcp, time: new FakeTimeProvider());
        var b = await group.StartAsync(1);
        var hello = new Hello(LinkKind.Control, 7, 0, RawLink.Stranger(), new MemberId(1, 1));
        using (var control = await RawLink.JoinAsync(b, TcpLinks.Tcp))
            await control.HelloAsync(hello);
        var error = await Assert.ThrowsAsync<ElasticEpException>(() => b.Transport.ConnectAsync(hello.Self.Id, hello.Self.Address).AsTask().WaitAsync(TcpGroup.Deadline));
        Assert.Equal(ElasticEpErrorCode.ConnectionRefused, error.Code);
    }
}
