using ElasticEp.TestKit;

namespace ElasticEp.Tests.Exchange;

/// <summary>What the exchange counts: waits per source, load per expert.</summary>
public sealed class CountTests
{
    [Fact]
    public async Task A_wait_is_counted_for_the_source_that_was_late()
    {
        using var rank = new LoneRank();
        var step = rank.Begin();
        rank.Deliver(1, rank.Dispatch()); // was there before: no wait
        var dispatch = rank.DispatchAsync(step, 0).AsTask();
        rank.Time.Advance(TimeSpan.FromSeconds(2));
        rank.Deliver(5, rank.Dispatch());
        await step.CombineAsync(await dispatch.WaitAsync(ExchangeGroup.Patience), default, default);
        dispatch = rank.DispatchAsync(step, 1).AsTask();
        rank.Time.Advance(TimeSpan.FromSeconds(1));
        rank.Deliver(1, rank.Dispatch(1));
        rank.Time.Advance(TimeSpan.FromSeconds(3));
        rank.Deliver(5, rank.Dispatch(1));
        await dispatch.WaitAsync(ExchangeGroup.Patience);

        var second = rank.Time.TimestampFrequency;
        Assert.Equal(new(1, second, second), rank.Exchange.GetWait(1));
        Assert.Equal(new(2, 6 * second, 4 * second), rank.Exchange.GetWait(5));
    }

    [Fact]
    public async Task Load_is_counted_for_completed_steps_only_and_once()
    {
        var options = ExchangeSetup.Options(layers: 2, lanes: 2);
        await using var group = new ExchangeGroup(options);
        group.Enter(ExchangeSetup.Scattered(options, 1, 3, 0, 1, 2), 1);
        await group.RunStepAsync(1);
        await group.RunStepAsync(2);
        var steps = group.Begin(3);
        await Task.WhenAll(steps.Select(pair => group.RunRankAsync(pair.Key, pair.Value))).WaitAsync(ExchangeGroup.Patience);
        foreach (var rank in steps.Keys)
            group[rank].Abort(new ElasticEpException(ElasticEpErrorCode.StepAborted, "stop")); // complete here, not everywhere

        var dispatched = new long[24];
        var received = new long[24];
        for (var rank = 0; rank < 3; rank++)
        {
            group[rank].EndStep();
            var (own, here) = group[rank].ReadLoad();
            Assert.Equal(Expected(options, [rank]), own);
            for (var i = 0; i < 24; i++)
                (dispatched[i], received[i]) = (dispatched[i] + own[i], received[i] + here[i]);
        }

        Assert.Equal(Expected(options, [0, 1, 2]), dispatched);
        Assert.Equal(dispatched, received);
    }

    private static long[] Expected(ElasticEpOptions options, int[] ranks)
    {
        var load = new long[24];
        foreach (var rank in ranks)
        {
            foreach (var (step, layer, lane) in from step in new[] { 1, 2 } from layer in new[] { 0, 1 } from lane in new[] { 0, 1 } select (step, layer, lane))
            {
                foreach (var id in ExchangeBatch.Random(options, rank, step, layer, lane).Ids.Where(id => id >= 0))
                    load[(layer * 12) + id]++;
            }
        }

        return load;
    }
}
