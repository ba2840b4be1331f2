using ElasticEp.TestKit;
using ElasticEp.Transport;
using Microsoft.Extensions.Time.Testing;

namespace ElasticEp.Tests.Tcp;

/// <summary>The limit on weight bytes holds weight frames, and nothing else.</summary>
public sealed class WeightPacingTests
{
    private readonly FakeTimeProvider _time = new();

    [Fact]
    public async Task Weights_wait_for_their_time_and_other_frames_do_not()
    {
        await using var group = new TcpGroup(TcpLinks.Tcp, time: _time);
        var (a, b) = await group.PairAsync(options => options.WeightBytesPerSecond = 1000);
        await a.SendAsync(1, LinkKind.Weights, 1, 2000); // the first goes at once, and the next pays for it
        Assert.Equal(1, (await b.Handler.NextFrameAsync()).Header.Step);
        var held = a.SendAsync(1, LinkKind.Weights, 2, 500);
        await a.SendAsync(1, LinkKind.Data, 3, 100_000);
        await a.SendAsync(1, LinkKind.Control, 4, 1000);
        Assert.Equal([3, 4], new[] { (await b.Handler.NextFrameAsync()).Header.Step, (await b.Handler.NextFrameAsync()).Header.Step }.Order());
        _time.Advance(TimeSpan.FromSeconds(1.9));
        Assert.False(held.IsCompleted);
        _time.Advance(TimeSpan.FromSeconds(0.1));
        await held.WaitAsync(TcpGroup.Deadline);
        Assert.Equal(2, (await b.Handler.NextFrameAsync()).Header.Step);
    }

    [Fact]
    public async Task A_message_on_the_weights_link_goes_ahead_of_weights_that_wait()
    {
        await using var group = new TcpGroup(TcpLinks.Tcp, time: _time);
        var (a, b) = await group.PairAsync(options => options.WeightBytesPerSecond = 1);
        await a.SendAsync(1, LinkKind.Weights, 1, 2000);
        Assert.Equal(1, (await b.Handler.NextFrameAsync()).Header.Step);
        var held = a.SendAsync(1, LinkKind.Weights, 2, 500);
        await a.Transport.SendAsync(b.Self.Id, LinkKind.Weights, SuiteFrame.Head(3), new[] { EpBuffer.From(new byte[10_000]) }, default);
        Assert.Equal(3, (await b.Handler.NextFrameAsync()).Header.Step);
        Assert.False(held.IsCompleted);
        await a.Transport.DisposeAsync();
        await Assert.ThrowsAsync<ElasticEpException>(() => held.WaitAsync(TcpGroup.Deadline));
    }

    [Fact]
    public async Task A_held_frame_fails_when_its_connection_ends()
    {
        await using var group = new TcpGroup(TcpLinks.Tcp, time: _time);
        var (a, b) = await group.PairAsync(options => options.WeightBytesPerSecond = 1);
        await a.SendAsync(1, LinkKind.Weights, 1, 2000);
        var held = a.SendAsync(1, LinkKind.Weights, 2, 500);
        await b.Transport.DisposeAsync();
        Assert.Equal(ElasticEpErrorCode.PeerLost, (await Assert.ThrowsAsync<ElasticEpException>(() => held.WaitAsync(TcpGroup.Deadline))).Code);
    }

    [Fact]
    public async Task A_cancelled_frame_uses_up_no_time()
    {
        await using var group = new TcpGroup(TcpLinks.Tcp, time: _time);
        var (a, b) = await group.PairAsync(options => options.WeightBytesPerSecond = 1000);
        await a.SendAsync(1, LinkKind.Weights, 1, 1000);
        using (var cancel = new CancellationTokenSource())
        {
            var held = a.SendAsync(1, LinkKind.Weights, 2, 1_000_000, cancel.Token);
            await cancel.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => held.WaitAsync(TcpGroup.Deadline));
        }

        var next = a.SendAsync(1, LinkKind.Weights, 3, 10);
        _time.Advance(TimeSpan.FromSeconds(1));
        await next.WaitAsync(TcpGroup.Deadline);
    }
}
