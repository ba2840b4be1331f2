using ElasticEp.Transport;

namespace ElasticEp.Tests.Tcp;

/// <summary>A transport does not grow with the number of processes that it has met.</summary>
public sealed class PeerTableTests
{
    private const int Incarnations = 30;

    [Theory]
    [InlineData(TcpLinks.Tcp)]
    [InlineData(TcpLinks.Unix)]
    public async Task Processes_that_have_gone_leave_nothing_behind(TcpLinks links)
    {
        await using var group = new TcpGroup(links);
        var b = await group.StartAsync(1);
        for (var incarnation = 1; incarnation <= Incarnations; incarnation++)
        {
            var a = await group.StartAsync(0, incarnation);
            await (incarnation % 2 == 0 ? a.ConnectAsync(b) : b.ConnectAsync(a));
            await a.SendAsync(b.Self.Id, LinkKind.Data, incarnation, 10);
            Assert.Equal(incarnation, (await b.Handler.NextFrameAsync()).Header.Step);
            Assert.InRange(b.Transport.KnownPeers, 1, 4); // the one before may still be on its way out
            await (incarnation % 3 == 0 ? group.KillAsync(a) : a.Transport.DisposeAsync().AsTask()).WaitAsync(TcpGroup.Deadline);
            while (!(await b.Handler.NextConnectionAsync()).StartsWith($"down 0/{incarnation} ", StringComparison.Ordinal))
            {
            }

            await Assert.ThrowsAsync<ElasticEpException>(() => b.ConnectAsync(a));
        }

        using var poll = new PeriodicTimer(TimeSpan.FromMilliseconds(10));
        for (var since = TimeProvider.System.GetTimestamp(); b.Transport.KnownPeers > 0; await poll.WaitForNextTickAsync(RawLink.Token))
            Assert.True(TimeProvider.System.GetElapsedTime(since) < TcpGroup.Deadline, $"{b.Transport.KnownPeers} peers are kept");
    }
}
