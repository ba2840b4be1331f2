using ElasticEp.Cuda;
using ElasticEp.TestKit;

namespace ElasticEp.Gpu.Tests.Exchange;

/// <summary>The engine on GPUs under the protocol of steps: every rank has a GPU of its own.</summary>
public sealed class CudaEngineTests
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(ElementType.BFloat16, CombineMode.Exact, 1)]
    [InlineData(ElementType.Float32, CombineMode.PreReduced, 1)]
    [InlineData(ElementType.Float32, CombineMode.Exact, 2)]
    public async Task A_rank_alone_has_the_bits_of_the_oracle(ElementType type, CombineMode mode, int lanes)
    {
        Require(1);
        var options = Options(type, mode, lanes);
        await using var group = new GpuExchangeGroup(options);
        await group.EnterAsync(ExchangeSetup.Scattered(options, 1, 3, 0), 1);
        for (var step = 1; step <= 4; step++)
            await group.RunStepAsync(step);
        await group.EnterAsync(ExchangeSetup.View(options, 2, 0), 5);
        await group.RunStepAsync(5);
    }

    [Theory]
    [InlineData(ElementType.BFloat16, CombineMode.Exact, 1)]
    [InlineData(ElementType.BFloat16, CombineMode.PreReduced, 1)]
    [InlineData(ElementType.Float32, CombineMode.Exact, 2)]
    [InlineData(ElementType.Float32, CombineMode.PreReduced, 2)]
    public async Task Views_of_one_two_and_one_ranks_have_the_bits_of_the_oracle(ElementType type, CombineMode mode, int lanes)
    {
        Require(2);
        var options = Options(type, mode, lanes);
        await using var group = new GpuExchangeGroup(options);
        int[][] views = [[0], [0, 1], [1], [0, 1], [0]];
        var step = 1L;
        for (var epoch = 1; epoch <= views.Length; epoch++)
        {
            await group.EnterAsync(ExchangeSetup.Scattered(options, epoch, (ulong)epoch, views[epoch - 1]), step);
            for (var count = 0; count < 4; count++)
                await group.RunStepAsync(step++);
        }
    }

    [Fact]
    public async Task Four_ranks_come_and_go()
    {
        Require(4);
        var options = Options(ElementType.BFloat16, CombineMode.Exact, 1);
        await using var group = new GpuExchangeGroup(options);
        int[][] views = [[0, 2], [0, 1, 2, 3], [1, 3], [0, 1, 3]];
        for (var epoch = 1; epoch <= views.Length; epoch++)
        {
            await group.EnterAsync(ExchangeSetup.Scattered(options, epoch, (ulong)epoch, views[epoch - 1]), epoch);
            await group.RunStepAsync(epoch);
        }
    }

    [Fact]
    public async Task An_abort_ends_the_wait_of_kernels_and_the_next_view_works()
    {
        Require(2);
        var options = Options(ElementType.BFloat16, CombineMode.Exact, 1);
        await using var group = new GpuExchangeGroup(options);
        await group.EnterAsync(ExchangeSetup.View(options, 1, 0, 1), 1);
        await group.RunStepAsync(1);
        var steps = group.Begin(2);
        var waiting = Dispatch(group, steps[0], 0); // rank 1 does nothing
        Assert.False(waiting.IsCompleted);
        foreach (var rank in (int[])[0, 1])
            group[rank].Abort(new ElasticEpException(ElasticEpErrorCode.StepAborted, "stopped"));
        await group[0].WhenIdleAsync().WaitAsync(TimeSpan.FromSeconds(2), Cancelled);
        Assert.Equal("stopped", (await Assert.ThrowsAsync<ElasticEpException>(() => waiting)).Message);
        await group.EnterAsync(ExchangeSetup.View(options, 2, 0, 1), 2);
        await group.RunStepAsync(2);
    }

    [Fact]
    public async Task A_member_that_never_dispatches_is_named_at_the_deadline()
    {
        Require(2);
        var options = Options(ElementType.BFloat16, CombineMode.Exact, 1);
        options.StepDeadline = TimeSpan.FromMilliseconds(200);
        await using var group = new GpuExchangeGroup(options);
        await group.EnterAsync(ExchangeSetup.View(options, 1, 0, 1), 1);
        var error = await Assert.ThrowsAsync<ElasticEpException>(() => Dispatch(group, group.Begin(1)[0], 0).WaitAsync(GpuExchangeGroup.Patience, Cancelled));
        Assert.Equal((ElasticEpErrorCode.DeadlineExceeded, (int?)1), (error.Code, error.Rank));
        Assert.Contains("The dispatch of rank 1", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_wrong_entry_has_the_message_of_processors()
    {
        Require(1);
        var options = Options(ElementType.BFloat16, CombineMode.Exact, 1);
        await using var group = new GpuExchangeGroup(options);
        await group.EnterAsync(ExchangeSetup.View(options, 1, 0), 1);
        var step = group.Begin(1)[0];
        var batch = ExchangeBatch.Random(options, 0, 1, 0, 0, 3);
        batch.Ids[4] = 99;
        var error = await Assert.ThrowsAsync<ElasticEpException>(() => Dispatch(group, step, 0, batch));
        Assert.Equal((ElasticEpErrorCode.InvalidArgument, "The expert of token 1, position 1 is 99; it must be −1 or 0 to 11."), (error.Code, error.Message));
        Assert.False(step.HasFailed); // it is the app's own
    }

    [Fact]
    public async Task Memory_does_not_grow_over_resizes()
    {
        Require(2);
        var options = Options(ElementType.BFloat16, CombineMode.Exact, 1);
        await using var group = new GpuExchangeGroup(options);
        await group.EnterAsync(ExchangeSetup.View(options, 1, 0), 1);
        var free = new List<long>();
        for (var epoch = 2; epoch <= 9; epoch++)
        {
            await group.EnterAsync(ExchangeSetup.View(options, epoch, epoch % 2 == 0 ? [0, 1] : [0]), epoch);
            await group.RunStepAsync(epoch);
            if (epoch % 2 == 0)
                free.Add(group.FreeBytes(0));
        }

        Assert.Equal(free[1], free[^1]);
    }

    private static ElasticEpOptions Options(ElementType type, CombineMode mode, int lanes)
    {
        var options = ExchangeSetup.Options(type, mode, layers: 3, lanes: lanes);
        options.SlotsPerRank = 80;
        options.MaxRanks = 4;
        return options;
    }

    private static void Require(int gpus)
    {
        var count = CudaDevice.Probe(out var reason);
        Assert.SkipWhen(count < gpus, $"It needs {gpus} GPUs of one host. {reason}");
    }

    private static Task<DispatchedRows> Dispatch(GpuExchangeGroup group, ElasticStep step, int rank, ExchangeBatch? batch = null)
    {
        var (hidden, ids, weights, _) = group.App(rank).Upload(batch ?? group.Batch(rank, 1, 0, 0));
        return step.DispatchAsync(0, hidden, ids, weights, cancellationToken: Cancelled).AsTask();
    }
}
