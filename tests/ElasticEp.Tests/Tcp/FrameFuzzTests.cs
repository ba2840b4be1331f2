using System.Buffers.Binary;
using ElasticEp.TestKit;
using ElasticEp.Transport;
using ElasticEp.Transports.Tcp.Transport;

namespace ElasticEp.Tests.Tcp;

/// <summary>What a connected peer says ends its own connection, at once and with a reason, and disturbs no other.</summary>
[Collection(nameof(AloneCollection))]
public sealed class FrameFuzzTests
{
    private const int MaxPayload = 1 << 20;

    /// <summary>What becomes of a connection whose peer says this on a link and then is silent.</summary>
    public static TheoryData<string, string> Violations => new()
    {
        { "mark", "ProtocolError" },
        { "head", "Reset" },
        { "negative length", "ProtocolError" },
        { "huge length", "ProtocolError" },
        { "negative metadata", "ProtocolError" },
        { "lengths that overflow", "ProtocolError" },
        { "notice without end", "ProtocolError" },
        { "notice with another reason", "ProtocolError" },
        { "half a header and the end", "Reset" },
        { "half a payload and the end", "Reset" },
        { "half a notice and the end", "Reset" },
    };

    [Theory]
    [MemberData(nameof(Violations))]
    public async Task A_violation_ends_that_connection_with_its_reason(string violation, string reason)
    {
        foreach (var links in Enum.GetValues<TcpLinks>())
        {
            foreach (var link in Enum.GetValues<LinkKind>())
            {
                await using var group = new TcpGroup(links);
                var (a, b) = await group.PairAsync();
                b.Handler.OnFrame = Bounded;
                using var bad = await RawConnection.OpenAsync(b, links);
                await bad[link].WriteAsync(RawConnection.Frame(1, 10, link));
                Assert.Equal(1, (await b.Handler.NextFrameAsync()).Header.Step);
                await bad[link].WriteAsync(Say(violation, link));
                if (violation.EndsWith("the end", StringComparison.Ordinal))
                    bad[link].EndSending();
                Assert.Equal($"down 9/1 {reason}", await b.Handler.NextConnectionAsync());
                await bad[LinkKind.Control].ClosedAsync();
                bad[LinkKind.Control].Dispose(); // it has heard why
                await bad[LinkKind.Data].ClosedAsync();
                await bad[LinkKind.Weights].ClosedAsync();
                await a.ExchangeAsync(b, 3);
            }
        }
    }

    [Theory]
    [InlineData(TcpLinks.Tcp, 1)]
    [InlineData(TcpLinks.Tcp, 2)]
    [InlineData(TcpLinks.Unix, 3)]
    [InlineData(TcpLinks.Unix, 4)]
    public async Task Mutated_frames_end_no_other_connection_and_keep_no_memory(TcpLinks links, int seed)
    {
        await using var group = new TcpGroup(links);
        var (a, b) = await group.PairAsync();
        b.Handler.OnFrame = Bounded;
        await FuzzAsync(b, links, new Random(seed), rounds: 5);
        var before = GC.GetTotalMemory(forceFullCollection: true);
        await FuzzAsync(b, links, new Random(seed + 1000), rounds: 50);
        b.Handler.Forget();
        var grown = GC.GetTotalMemory(forceFullCollection: true) - before;
        Assert.True(grown < 4 << 20, $"{grown} bytes are kept");
        b.Handler.OnFrame = null;
        await a.ExchangeAsync(b, 1_000_000);
    }

    [Theory]
    [InlineData(TcpLinks.Tcp)]
    [InlineData(TcpLinks.Unix)]
    public async Task Frames_that_come_byte_by_byte_arrive_whole(TcpLinks links)
    {
        await using var group = new TcpGroup(links);
        var (a, b) = await group.PairAsync();
        using var slow = await RawConnection.OpenAsync(b, links);
        foreach (var link in Enum.GetValues<LinkKind>())
        {
            var bytes = RawConnection.Frame(3, 200, link).Concat(RawConnection.Frame(4, 0, link)).ToArray();
            for (var i = 0; i < bytes.Length; i++)
            {
                await slow[link].WriteAsync(bytes.AsMemory(i, 1));
                if (i < FrameWire.Size + 200 && i % 50 == 0)
                {
                    await a.SendAsync(1, link, 1000 + i, 10);
                    Assert.Equal(1000 + i, (await b.Handler.NextFrameAsync()).Header.Step);
                }
            }

            var (header, payload) = await b.Handler.NextFrameAsync();
            Assert.Equal(3, header.Step);
            Assert.Equal(Enumerable.Repeat((byte)3, 200), payload);
            Assert.Equal(4, (await b.Handler.NextFrameAsync()).Header.Step);
        }
    }

    [Theory]
    [InlineData(TcpLinks.Tcp)]
    [InlineData(TcpLinks.Unix)]
    public async Task A_payload_that_stops_half_way_holds_its_own_link_until_it_is_given_back(TcpLinks links)
    {
        await using var group = new TcpGroup(links);
        var (a, b) = await group.PairAsync();
        using var stuck = await RawConnection.OpenAsync(b, links);
        await stuck[LinkKind.Data].WriteAsync(RawConnection.Frame(1, 1000).AsMemory(0, 500));
        await b.Handler.NextAskedAsync();
        await stuck[LinkKind.Control].WriteAsync(RawConnection.Frame(2, 10, LinkKind.Control));
        Assert.Equal(2, (await b.Handler.NextFrameAsync()).Header.Step);
        await a.ExchangeAsync(b, 3);
        await b.Transport.DisconnectAsync(new MemberId(9, 1)).AsTask().WaitAsync(TcpGroup.Deadline);
        Assert.Equal("down 9/1 Goodbye", await b.Handler.NextConnectionAsync());
        Assert.Equal(1, b.Handler.Aborted);
    }

    private static async Task FuzzAsync(TcpPeer to, TcpLinks links, Random random, int rounds)
    {
        for (var round = 0; round < rounds; round++)
        {
            using var bad = await RawConnection.OpenAsync(to, links);
            var link = (LinkKind)random.Next(3);
            for (var frames = random.Next(1, 6); frames > 0; frames--)
            {
                var bytes = RawConnection.Frame(random.Next(1000), random.Next(3) == 0 ? random.Next(100_000) : random.Next(100), link);
                for (var flips = random.Next(4); flips > 0; flips--)
                    bytes[random.Next(FrameWire.Size)] ^= (byte)(1 << random.Next(8));
                await bad[link].WriteAsync(bytes.AsMemory(0, random.Next(3) == 0 ? random.Next(bytes.Length) : bytes.Length));
            }

            bad[link].EndSending();
            var end = await to.Handler.NextConnectionAsync();
            Assert.True(end is "down 9/1 ProtocolError" or "down 9/1 Reset" or "down 9/1 Goodbye", end); // the last: a notice by chance
        }
    }

    /// <summary>As a real receiver does, it looks at the length before it names memory.</summary>
    private static ValueTask<FrameTarget> Bounded(LinkKind link, SuiteFrame header, CancellationToken cancellationToken) =>
        header.MetadataLength + header.RowsLength is >= 0 and <= MaxPayload
            ? new ValueTask<FrameTarget>(header.Step % 3 == 2 ? FrameTarget.Discard : RecordingHandler.Deliver(header))
            : throw new ElasticEpException(ElasticEpErrorCode.ProtocolViolation, $"A payload of {header.MetadataLength} + {header.RowsLength} bytes is too long.");

    private static byte[] Say(string what, LinkKind link)
    {
        var frame = RawConnection.Frame(7, 1000, link);
        switch (what)
        {
            case "mark":
                frame[0]++;
                break;
            case "head":
                frame[40]++;
                break;
            case "negative length":
                BinaryPrimitives.WriteInt64LittleEndian(frame.AsSpan(8), -1);
                break;
            case "huge length":
                BinaryPrimitives.WriteInt64LittleEndian(frame.AsSpan(8), long.MaxValue);
                break;
            case "lengths that overflow":
                BinaryPrimitives.WriteInt32LittleEndian(frame.AsSpan(4), int.MaxValue);
                BinaryPrimitives.WriteInt64LittleEndian(frame.AsSpan(8), long.MaxValue);
                break;
            case "negative metadata":
                BinaryPrimitives.WriteInt32LittleEndian(frame.AsSpan(4), int.MinValue);
                break;
            case "notice without end":
                frame[0] = 0xFF;
                BinaryPrimitives.WriteInt32LittleEndian(frame.AsSpan(4), int.MaxValue);
                break;
            case "notice with another reason":
                (frame[0], frame[1]) = (0xFF, 77);
                break;
            case "half a header and the end":
                return frame[..30];
            case "half a payload and the end":
                return frame[..300];
            case "half a notice and the end":
                (frame[0], frame[1]) = (0xFF, 0);
                BinaryPrimitives.WriteInt32LittleEndian(frame.AsSpan(4), 1000);
                return frame[..300];
        }

        return frame;
    }
}
