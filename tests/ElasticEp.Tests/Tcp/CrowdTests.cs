using Microsoft.Extensions.Time.Testing;

namespace ElasticEp.Tests.Tcp;

/// <summary>A thousand callers that say nothing keep nobody out.</summary>
[Collection(nameof(AloneCollection))]
public sealed class CrowdTests
{
    private const int Callers = 1000;

    [Theory]
    [InlineData(TcpLinks.Tcp, false)]
    [InlineData(TcpLinks.Tcp, true)]
    [InlineData(TcpLinks.Unix, false)]
    [InlineData(TcpLinks.Unix, true)]
    public async Task A_peer_connects_past_a_silent_crowd(TcpLinks links, bool isProved)
    {
        var before = OpenSockets.Count();
        var time = new FakeTimeProvider();
        await using (var group = new TcpGroup(links, time: time))
        {
            var (a, b) = (await group.StartAsync(0), await group.StartAsync(1));
            var crowd = new List<RawLink>();
            for (var i = 0; i < Callers; i++)
                crowd.Add(isProved ? await RawLink.JoinAsync(b, links) : await RawLink.OpenAsync(b, links));
            await a.ConnectAsync(b);
            await a.ExchangeAsync(b, 1);
            foreach (var caller in crowd)
            {
                await caller.ClosedAsync(time); // with the time for the handshake
                caller.Dispose();
            }

            await a.ExchangeAsync(b, 2);
        }

        await OpenSockets.FallToAsync(before);
    }
}
