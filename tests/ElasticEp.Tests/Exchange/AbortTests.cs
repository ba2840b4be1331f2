using ElasticEp.Kernels;
using ElasticEp.TestKit;

namespace ElasticEp.Tests.Exchange;

/// <summary>Attempts that end early: by an abort, a deadline, a lost peer, the app's own token.</summary>
public sealed class AbortTests
{
    private static readonly ElasticEpException Stop = new(ElasticEpErrorCode.StepAborted, "rank 5 was lost") { Rank = 5, Epoch = 3 };

    [Fact]
    public async Task An_abort_ends_calls_that_wait_and_all_that_follow_with_its_reason()
    {
        using var rank = new LoneRank();
        var step = rank.Begin();
        var waiting = rank.DispatchAsync(step, 0).AsTask();
        rank.Exchange.Abort(Stop);
        await FailsAsync(waiting, ElasticEpErrorCode.StepAborted, "rank 5 was lost");
        await FailsAsync(rank.DispatchAsync(step, 0).AsTask(), ElasticEpErrorCode.StepAborted, "rank 5 was lost");
        Assert.Equal(ElasticEpErrorCode.StepAborted, Assert.Throws<ElasticEpException>(step.EndExchanges).Code);
        Assert.True(rank.Exchange.WhenIdleAsync().IsCompleted);
        Assert.True(step.IsAborted);
        Assert.False(step.HasFailed);

        // The old object keeps its reason, also when the next attempt runs.
        rank.Exchange.EnterView(ExchangeSetup.View(rank.Options, 4, 0, 1), 7);
        var next = rank.Exchange.BeginStep(4, 7, 2);
        Assert.Equal((4, 7, 2), (next.View.Epoch, next.Number, next.Attempt));
        await FailsAsync(rank.DispatchAsync(step, 0).AsTask(), ElasticEpErrorCode.StepAborted, "rank 5 was lost");
        Assert.False(rank.DispatchAsync(next, 0).IsCompleted);
    }

    [Fact]
    public async Task A_call_whose_result_nobody_takes_does_not_keep_the_rank_from_being_quiet()
    {
        using var rank = new LoneRank();
        _ = rank.DispatchAsync(rank.Begin(), 0);
        rank.Deliver(1, rank.Dispatch());
        rank.Deliver(5, rank.Dispatch());
        rank.Exchange.Abort(Stop);
        await rank.Exchange.WhenIdleAsync().WaitAsync(ExchangeGroup.Patience);
        rank.Exchange.EnterView(ExchangeSetup.View(rank.Options, 4, 0, 1), 7);
        var again = rank.DispatchAsync(rank.Exchange.BeginStep(4, 7, 2), 0).AsTask();
        rank.Deliver(1, rank.Dispatch(epoch: 4));
        await again.WaitAsync(ExchangeGroup.Patience);
    }

    [Fact]
    public async Task A_send_that_is_held_back_is_cancelled_and_its_call_fails_when_it_has_ended()
    {
        var released = new TaskCompletionSource();
        var cancelled = new TaskCompletionSource();
        using var rank = new LoneRank(onSend: async (to, _, token) =>
        {
            if (to != 5)
                return;
            using var registration = token.Register(cancelled.SetResult);
            await released.Task.ConfigureAwait(false);
            token.ThrowIfCancellationRequested();
        });
        var waiting = rank.DispatchAsync(rank.Begin(), 0).AsTask();
        rank.Exchange.Abort(Stop);
        await cancelled.Task.WaitAsync(ExchangeGroup.Patience);
        var quiet = rank.Exchange.WhenIdleAsync();
        Assert.False(quiet.IsCompleted);
        Assert.False(waiting.IsCompleted); // what it sends may be the app's own memory
        released.SetResult();
        await FailsAsync(waiting, ElasticEpErrorCode.StepAborted, "rank 5 was lost");
        await quiet.WaitAsync(ExchangeGroup.Patience);
    }

    [Fact]
    public async Task A_send_that_fails_at_once_fails_its_call_when_the_others_have_ended()
    {
        var released = new TaskCompletionSource();
        using var rank = new LoneRank(onSend: async (to, _, _) =>
        {
            if (to == 5)
                throw new ElasticEpException(ElasticEpErrorCode.PeerLost, "rank 5 was lost");
            await released.Task.ConfigureAwait(false);
        });
        var dispatch = rank.DispatchAsync(rank.Begin(), 0).AsTask();
        Assert.False(dispatch.IsCompleted);
        released.SetResult();
        await FailsAsync(dispatch, ElasticEpErrorCode.PeerLost, "rank 5 was lost");
        await rank.Exchange.WhenIdleAsync().WaitAsync(ExchangeGroup.Patience);
    }

    [Fact]
    public async Task An_engine_that_fails_when_some_rows_are_on_their_way_fails_the_call_when_they_are_sent()
    {
        var released = new TaskCompletionSource();
        using var rank = new LoneRank(onSend: async (_, _, _) => await released.Task.ConfigureAwait(false), kernels: new FailingKernels());
        var step = rank.Begin();
        var ids = new[] { rank.View.Placement.GetSlots(0, 1)[0], rank.View.Placement.GetSlots(0, 5)[0], -1 }; // one row for each of two others
        var dispatch = step.DispatchAsync(0, EpBuffer.From(new byte[rank.RowBytes], rank.Type), EpBuffer.From(ids), EpBuffer.From(new float[3])).AsTask();
        Assert.Single(rank.Sent);
        Assert.False(dispatch.IsCompleted);
        released.SetResult();
        await FailsAsync(dispatch, ElasticEpErrorCode.StepFailed, "cannot be packed: no more memory");
        await rank.Exchange.WhenIdleAsync().WaitAsync(ExchangeGroup.Patience);
        await FailsAsync(rank.DispatchAsync(step, 0).AsTask(), ElasticEpErrorCode.StepFailed, "no more memory");
    }

    [Fact]
    public async Task A_deadline_names_the_ranks_that_are_missing_and_ends_every_lane()
    {
        var options = ExchangeSetup.Options(ElementType.Float32, layers: 3, maxTokens: 4, lanes: 2);
        using var rank = new LoneRank(options);
        var step = rank.Begin();
        var first = rank.DispatchAsync(step, 0).AsTask();
        rank.Time.Advance(TimeSpan.FromSeconds(10));
        var second = step.DispatchAsync(0, default, default, default, lane: 1).AsTask();
        rank.Deliver(1, rank.Dispatch());
        rank.Time.Advance(TimeSpan.FromSeconds(19.9));
        Assert.False(step.HasFailed);
        rank.Time.Advance(TimeSpan.FromSeconds(0.2));
        var missed = await FailsAsync(first, ElasticEpErrorCode.DeadlineExceeded, "Rank 0 waited 00:00:30 in the dispatch of layer 0, lane 0, step 7 for rank 5.");
        Assert.Equal((5, 3), (missed.Rank, missed.Epoch));
        await FailsAsync(second, ElasticEpErrorCode.DeadlineExceeded, "for rank 5.");
        Assert.True(step.HasFailed);
    }

    [Fact]
    public async Task The_deadline_is_each_waits_own()
    {
        using var rank = new LoneRank();
        var step = rank.Begin();
        var dispatch = rank.DispatchAsync(step, 0, tokens: 1, expert: rank.Experts.Other).AsTask();
        rank.Time.Advance(TimeSpan.FromSeconds(10));
        rank.Deliver(1, rank.Dispatch());
        rank.Deliver(5, rank.Dispatch());
        var rows = await dispatch.WaitAsync(ExchangeGroup.Patience);
        var combine = step.CombineAsync(rows, default, EpBuffer.From(new float[16])).AsTask();
        rank.Time.Advance(TimeSpan.FromSeconds(29));
        Assert.False(step.HasFailed);
        rank.Time.Advance(TimeSpan.FromSeconds(1));
        await FailsAsync(combine, ElasticEpErrorCode.DeadlineExceeded, "in the combine of layer 0, lane 0, step 7 for rank 1.");
    }

    [Fact]
    public async Task A_receiver_that_never_takes_a_frame_is_missed_too()
    {
        using var rank = new LoneRank(onSend: (to, _, token) => to == 1 ? new ValueTask(Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, token)) : default);
        var waiting = rank.DispatchAsync(rank.Begin(), 0).AsTask();
        rank.Deliver(1, rank.Dispatch());
        rank.Deliver(5, rank.Dispatch());
        Assert.False(waiting.IsCompleted);
        rank.Time.Advance(TimeSpan.FromSeconds(30));
        await FailsAsync(waiting, ElasticEpErrorCode.DeadlineExceeded, "for rank 1.");
        await rank.Exchange.WhenIdleAsync().WaitAsync(ExchangeGroup.Patience);
    }

    [Fact]
    public async Task A_send_that_fails_ends_the_attempt_with_its_reason()
    {
        var lost = new ElasticEpException(ElasticEpErrorCode.PeerLost, "reset") { Rank = 5 };
        using var rank = new LoneRank(onSend: (to, _, _) => to == 5 ? ValueTask.FromException(lost) : default);
        var step = rank.Begin();
        await FailsAsync(rank.DispatchAsync(step, 0).AsTask(), ElasticEpErrorCode.PeerLost, "reset");
        Assert.True(step.HasFailed);
        await FailsAsync(rank.DispatchAsync(step, 0).AsTask(), ElasticEpErrorCode.PeerLost, "reset");
    }

    [Fact]
    public async Task The_apps_token_ends_its_wait_and_is_the_apps_own_failure()
    {
        using var rank = new LoneRank();
        using var source = new CancellationTokenSource();
        var step = rank.Begin();
        var waiting = rank.DispatchAsync(step, 0, cancellationToken: source.Token).AsTask();
        await source.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting.WaitAsync(ExchangeGroup.Patience));
        Assert.False(step.HasFailed);
        Assert.False(step.IsAborted);
    }

    [Fact]
    public async Task An_expert_that_throws_ends_the_forward()
    {
        var options = ExchangeSetup.Options();
        await using var group = new ExchangeGroup(options);
        group.Enter(ExchangeSetup.View(options, 1, 0), 1);
        var step = group.Begin(1)[0];
        var batch = ExchangeBatch.Random(options, 0, 1, 0, 0, 4);
        var thrown = await Assert.ThrowsAsync<InvalidOperationException>(() => step.ForwardExpertsAsync(
            0, batch.HiddenBuffer(ElementType.BFloat16), batch.IdBuffer, batch.WeightBuffer, batch.OutputBuffer(ElementType.BFloat16), (in _) => throw new InvalidOperationException("no")).AsTask());
        Assert.Equal("no", thrown.Message);
        Assert.True(group[0].WhenIdleAsync().IsCompleted);
    }

    [Theory]
    [InlineData(CombineMode.Exact, 11)]
    [InlineData(CombineMode.PreReduced, 12)]
    public async Task A_step_that_is_aborted_in_the_middle_and_run_again_gives_the_same_rows(CombineMode mode, ulong seed)
    {
        var options = ExchangeSetup.Options(mode: mode, layers: 4, lanes: 2);
        await using var group = new ExchangeGroup(options, seed);
        for (var round = 0; round < 20; round++)
        {
            group.Enter(ExchangeSetup.Scattered(options, (2 * round) + 1, seed, 0, 1, 2, 3), round + 1);
            var steps = group.Begin(round + 1);
            var attempts = steps.Where(pair => pair.Key != 3).Select(pair => Task.Run(() => group.RunRankAsync(pair.Key, pair.Value))).ToArray();
            await RunUntilAsync(steps[3], options, round % options.Model.MoeLayers);
            foreach (var rank in steps.Keys)
                group[rank].Abort(Stop);
            foreach (var attempt in attempts)
                Assert.Equal(ElasticEpErrorCode.StepAborted, (await Assert.ThrowsAsync<ElasticEpException>(() => attempt.WaitAsync(ExchangeGroup.Patience))).Code);
            foreach (var rank in steps.Keys)
                await group[rank].WhenIdleAsync().WaitAsync(ExchangeGroup.Patience);
            group.Enter(ExchangeSetup.Scattered(options, (2 * round) + 2, seed, 0, 1, 2, 3), round + 1);
            await group.RunStepAsync(round + 1); // checks every row against the oracle
        }

        Assert.Empty(group.Network.Violations);
    }

    /// <summary>Takes part in some layers of one lane and then in no further one.</summary>
    private static async Task RunUntilAsync(ElasticStep step, ElasticEpOptions options, int layers)
    {
        var type = options.Model.RowType;
        for (var layer = 0; layer < layers; layer++)
        {
            var batch = ExchangeBatch.Random(options, 3, step.Number, layer, 0);
            await step.ForwardExpertsAsync(layer, batch.HiddenBuffer(type), batch.IdBuffer, batch.WeightBuffer, batch.OutputBuffer(type), (in group) => ExchangeOracle.RunExpert(type, options.Model.HiddenSize, group))
                .AsTask().WaitAsync(ExchangeGroup.Patience);
        }
    }

    private static async Task<ElasticEpException> FailsAsync(Task call, ElasticEpErrorCode code, string message)
    {
        var failure = await Assert.ThrowsAsync<ElasticEpException>(() => call.WaitAsync(ExchangeGroup.Patience));
        Assert.Equal(code, failure.Code);
        Assert.Contains(message, failure.Message, StringComparison.Ordinal);
        return failure;
    }

    /// <summary>Kernels that copy rows once.</summary>
    private sealed class FailingKernels : IExchangeKernels
    {
        private readonly CpuExchangeKernels _inner = new();
        private int _copies;

        public MemoryKind Memory => _inner.Memory;

        public void CopyRows(EpBuffer source, ReadOnlySpan<int> from, EpBuffer destination, ReadOnlySpan<int> to, int rowBytes)
        {
            if (++_copies > 1)
                throw new InvalidOperationException("no more memory");
            _inner.CopyRows(source, from, destination, to, rowBytes);
        }

        public void WeightedSum(EpBuffer rows, ReadOnlySpan<int> index, ReadOnlySpan<float> weights, EpBuffer output, int terms, int hidden) =>
            _inner.WeightedSum(rows, index, weights, output, terms, hidden);
    }
}
