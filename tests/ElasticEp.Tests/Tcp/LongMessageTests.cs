using ElasticEp.TestKit;
using ElasticEp.Transport;

namespace ElasticEp.Tests.Tcp;

/// <summary>A long message that its receiver takes no time for holds up no step.</summary>
public sealed class LongMessageTests
{
    private const int Length = 32 << 20;
    private const int Steps = 1000;

    [Theory]
    [InlineData(TcpLinks.Tcp)]
    [InlineData(TcpLinks.Unix)]
    public async Task A_thousand_StepEnds_pass_a_long_message_that_is_not_read(TcpLinks links)
    {
        await using var group = new TcpGroup(links);
        var (a, b) = await group.PairAsync();
        var mayRead = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        b.Handler.OnFrame = async (link, header, _) =>
        {
            if (link == LinkKind.Weights)
                await mayRead.Task;
            return RecordingHandler.Deliver(header);
        };
        var message = a.Transport.SendAsync(b.Self.Id, LinkKind.Weights, SuiteFrame.Head(0), new[] { EpBuffer.From(new byte[Length]) }, default).AsTask();
        for (var step = 1; step <= Steps; step++)
            await a.Transport.SendAsync(b.Self.Id, LinkKind.Control, SuiteFrame.Head(step), default, default);
        for (var step = 1; step <= Steps; step++)
            Assert.Equal(step, (await b.Handler.NextFrameAsync()).Header.Step);
        Assert.False(message.IsCompleted);
        mayRead.SetResult();
        Assert.Equal(Length, (await b.Handler.NextFrameAsync()).Header.MetadataLength);
        await message.WaitAsync(TcpGroup.Deadline);
    }
}
