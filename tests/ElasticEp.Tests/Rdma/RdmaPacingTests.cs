using ElasticEp.TestKit;
using ElasticEp.Transport;
using Microsoft.Extensions.Time.Testing;

namespace ElasticEp.Tests.Rdma;

/// <summary>The limit on weight bytes holds weight frames, and nothing else.</summary>
public sealed class RdmaPacingTests
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(20);

    [Fact]
    public async Task Weights_wait_for_their_time_and_other_frames_do_not()
    {
        var time = new FakeTimeProvider();
        var options = UcxPath.SharedMemory.Options();
        options.WeightBytesPerSecond = 1000;
        await using var a = UcxPath.SharedMemory.Create(options: options, time: time).Rdma;
        await using var b = UcxPath.SharedMemory.Create().Rdma;
        var receiver = new RecordingHandler();
        await a.StartAsync(new PeerIdentity("test", new MemberId(0, 1), "", ""), new RecordingHandler(), TestContext.Current.CancellationToken);
        await b.StartAsync(new PeerIdentity("test", new MemberId(1, 1), "", ""), receiver, TestContext.Current.CancellationToken);
        await a.ConnectAsync(new MemberId(1, 1), b.Address, TestContext.Current.CancellationToken).AsTask().WaitAsync(Deadline);

        await SendAsync(LinkKind.Weights, 1, 2000).WaitAsync(Deadline); // the first goes at once, and the next pays for it
        Assert.Equal(1, (await receiver.NextFrameAsync()).Header.Step);
        var held = SendAsync(LinkKind.Weights, 2, 500);
        await SendAsync(LinkKind.Data, 3, 100_000).WaitAsync(Deadline);
        Assert.Equal(3, (await receiver.NextFrameAsync()).Header.Step);
        time.Advance(TimeSpan.FromSeconds(1.9));
        Assert.False(held.IsCompleted);
        time.Advance(TimeSpan.FromSeconds(0.1));
        await held.WaitAsync(Deadline);
        Assert.Equal(2, (await receiver.NextFrameAsync()).Header.Step);

        Task SendAsync(LinkKind link, long step, int length) =>
            a.SendAsync(new MemberId(1, 1), link, SuiteFrame.Head(step), default, new[] { EpBuffer.From(new byte[length]) }).AsTask();
    }
}
