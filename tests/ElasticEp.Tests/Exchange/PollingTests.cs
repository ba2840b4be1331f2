using ElasticEp.Exchange;
using ElasticEp.TestKit;

namespace ElasticEp.Tests.Exchange;

/// <summary>A call that polls goes on where it is; the others wait for their turn on the pool.</summary>
public sealed class PollingTests
{
    private static readonly TimeSpan Patience = ExchangeGroup.Patience; // the poll time of these tests: what comes, comes within it

    [Fact]
    public async Task A_call_that_polls_goes_on_with_what_comes_meanwhile()
    {
        var answer = Task.CompletedTask;
        using var rank = Rank(new CallPolling(1), lone => answer = Task.Run(() => Answer(lone)));
        var step = rank.Begin();
        var call = rank.DispatchAsync(step, 0);
        Assert.True(call.IsCompletedSuccessfully);
        await answer.WaitAsync(Patience);
        Assert.Equal((1, 1), (rank.Exchange.GetWait(1).Frames, rank.Exchange.GetWait(5).Frames)); // polling is waiting
    }

    [Fact]
    public async Task A_call_that_polls_ends_with_its_attempt()
    {
        var end = Task.CompletedTask;
        using var rank = Rank(new CallPolling(1), lone => end = Task.Run(() => lone.Exchange.Abort(new ElasticEpException(ElasticEpErrorCode.StepAborted, "stop"))));
        var step = rank.Begin();
        var refused = await Assert.ThrowsAsync<ElasticEpException>(() => rank.DispatchAsync(step, 0).AsTask());
        Assert.Equal(ElasticEpErrorCode.StepAborted, refused.Code);
        await end.WaitAsync(Patience);
    }

    [Theory]
    [InlineData(0, 60)]
    [InlineData(1, 0)]
    public async Task Where_nobody_may_poll_a_call_waits(int most, int seconds)
    {
        using var rank = Rank(new CallPolling(most), _ => { }, seconds);
        var step = rank.Begin();
        var call = rank.DispatchAsync(step, 0).AsTask();
        Assert.False(call.IsCompleted);
        Answer(rank);
        await call.WaitAsync(Patience);
    }

    /// <param name="polling">Who may poll.</param>
    /// <param name="onSent">Called when both other ranks have been sent to.</param>
    /// <param name="seconds">The poll time.</param>
    private static LoneRank Rank(CallPolling polling, Action<LoneRank> onSent, int seconds = 60)
    {
        LoneRank? rank = null;
        var options = ExchangeSetup.Options(ElementType.Float32, layers: 3, maxTokens: 4);
        options.PollTime = TimeSpan.FromSeconds(seconds);
        rank = new LoneRank(options, polling: polling, onSend: (_, _, _) =>
        {
            if (rank!.Sent.Count == 2)
                onSent(rank);
            return default;
        });
        return rank;
    }

    private static void Answer(LoneRank rank)
    {
        rank.Deliver(1, rank.Dispatch());
        rank.Deliver(5, rank.Dispatch());
    }
}
