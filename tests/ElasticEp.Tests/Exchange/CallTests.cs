using ElasticEp.Exchange;
using ElasticEp.TestKit;

namespace ElasticEp.Tests.Exchange;

/// <summary>What the app may ask for, and that a refused call harms nothing and sends nothing.</summary>
public sealed class CallTests : IDisposable
{
    private readonly LoneRank _rank = new();

    public void Dispose() => _rank.Dispose();

    [Fact]
    public async Task Wrong_arguments_are_refused_and_the_lane_goes_on()
    {
        var step = _rank.Begin();
        await RefusedAsync(step, "Layer 3", layer: 3);
        await RefusedAsync(step, "Layer -1", layer: -1);
        await RefusedAsync(step, "Lane 1", lane: 1);
        await RefusedAsync(step, "Lane -1", lane: -1);
        await RefusedAsync(step, "hidden has 63 bytes", hidden: EpBuffer.From(new byte[63]));
        await RefusedAsync(step, "hidden has 64 bytes of BFloat16", hidden: EpBuffer.From(new byte[64], ElementType.BFloat16));
        await RefusedAsync(step, "hidden has 64 bytes of Float32 in Device", hidden: EpBuffer.FromPointer(64, 64, ElementType.Float32, MemoryKind.Device, 0));
        await RefusedAsync(step, "5 tokens are more than MaxTokensPerRank = 4", tokens: 5);
        await RefusedAsync(step, "topkIds has 2 elements", ids: EpBuffer.From(new int[2]));
        await RefusedAsync(step, "topkIds has 3 elements of Float32", ids: EpBuffer.From(new float[3]));
        await RefusedAsync(step, "topkWeights has 6 elements", weights: EpBuffer.From(new float[6]));
        await RefusedAsync(step, "The expert of token 0, position 1 is 12", ids: EpBuffer.From(new[] { 0, 12, 0 }));
        await RefusedAsync(step, "The expert of token 0, position 2 is -2", ids: EpBuffer.From(new[] { 0, 0, -2 }));
        await RefusedAsync(step, "The weight of token 0, position 2 is NaN", weights: EpBuffer.From(new[] { 0, 0, float.NaN }));
        await RefusedAsync(step, "The weight of token 0, position 0 is Infinity", weights: EpBuffer.From(new[] { float.PositiveInfinity, 0, 0 }));
        await RefusedAsync(step, "Layer 1 was dispatched on lane 0 after 0 layers", ElasticEpErrorCode.InvalidState, layer: 1);
        await RunLayerAsync(step, 0);
        await RefusedAsync(step, "Layer 0 was dispatched on lane 0 after 1 layers", ElasticEpErrorCode.InvalidState, layer: 0);
    }

    [Fact]
    public async Task Combine_takes_the_rows_of_the_last_dispatch_once_and_buffers_that_fit()
    {
        var step = _rank.Begin();
        await CombineRefusedAsync(step, null!, ElasticEpErrorCode.InvalidArgument);
        using var other = new LoneRank();
        var foreign = await DispatchAsync(other, other.Begin(), 0);
        await CombineRefusedAsync(step, foreign, ElasticEpErrorCode.InvalidArgument);
        var rows = await DispatchAsync(_rank, step, 0);
        await CombineRefusedAsync(step, rows, ElasticEpErrorCode.InvalidArgument, expertOutput: EpBuffer.From(new float[16]));
        await CombineRefusedAsync(step, rows, ElasticEpErrorCode.InvalidArgument, output: EpBuffer.From(new float[16]));
        await Assert.ThrowsAsync<ElasticEpException>(() => _rank.DispatchAsync(step, 1).AsTask());
        await step.CombineAsync(rows, default, default);
        await CombineRefusedAsync(step, rows, ElasticEpErrorCode.InvalidState);
    }

    [Fact]
    public async Task A_forward_whose_output_does_not_fit_sends_nothing()
    {
        var step = _rank.Begin();
        var hidden = EpBuffer.From(new float[16]);
        var refused = await Assert.ThrowsAsync<ElasticEpException>(() => step.ForwardExpertsAsync(0, hidden, EpBuffer.From(new int[3]), EpBuffer.From(new float[3]), default, (in _) => { }).AsTask());
        Assert.Equal(ElasticEpErrorCode.InvalidArgument, refused.Code);
        Assert.Empty(_rank.Sent);
    }

    [Fact]
    public async Task A_lane_has_one_call_at_a_time()
    {
        var step = _rank.Begin();
        var first = _rank.DispatchAsync(step, 0);
        var second = await Assert.ThrowsAsync<ElasticEpException>(() => _rank.DispatchAsync(step, 0).AsTask());
        Assert.Contains("Lane 0 is Dispatching, not Ready", second.Message, StringComparison.Ordinal);
        _rank.Deliver(1, _rank.Dispatch());
        _rank.Deliver(5, _rank.Dispatch());
        await first.AsTask().WaitAsync(ExchangeGroup.Patience);
    }

    [Fact]
    public async Task Exchanges_end_when_every_layer_was_run_and_not_before()
    {
        var step = _rank.Begin();
        for (var layer = 0; layer < 3; layer++)
        {
            var early = Assert.Throws<ElasticEpException>(step.EndExchanges);
            Assert.Contains($"ended after {layer} of 3 MoE layers on lane 0", early.Message, StringComparison.Ordinal);
            await RunLayerAsync(step, layer);
        }

        step.EndExchanges();
        step.EndExchanges();
        var late = await Assert.ThrowsAsync<ElasticEpException>(() => _rank.DispatchAsync(step, 0).AsTask());
        Assert.Equal(ElasticEpErrorCode.InvalidState, late.Code);
    }

    /// <summary>Otherwise the next step would find it under way, and the rank could not begin.</summary>
    [Fact]
    public async Task Exchanges_do_not_end_while_a_call_that_nobody_awaits_is_under_way()
    {
        var time = new WatchedTime();
        using var rank = new LoneRank(ExchangeSetup.Options(ElementType.Float32, layers: 1), time: time);
        rank.Exchange.EnterView(ExchangeSetup.View(rank.Options, 4, 0), 7);
        var step = rank.Exchange.BeginStep(4, 7, 1);
        var refusals = new List<string>();
        time.Read = () => refusals.Add(Assert.Throws<ElasticEpException>(step.EndExchanges).Message); // calls are timed; the last time the layer is combined already
        var forward = step.ForwardExpertsAsync(0, default, default, default, default, (in _) => { });
        time.Read = null;
        Assert.Contains("Step 7 cannot end on rank 0 while 1 calls or sends and 0 payloads are under way", refusals[^1], StringComparison.Ordinal);
        await forward;
        step.EndExchanges();
        rank.Exchange.BeginStep(4, 8, 1);
    }

    [Fact]
    public async Task An_expert_without_a_copy_is_named()
    {
        var options = ExchangeSetup.Options(ElementType.Float32, layers: 1, experts: 2, topK: 1);
        using var rank = new LoneRank(options);
        rank.Exchange.EnterView(ExchangeSetup.Of(options, 4, [0, 1], [[[0], []]]), 7);
        var step = rank.Exchange.BeginStep(4, 7, 1);
        var lost = await Assert.ThrowsAsync<ElasticEpException>(() => rank.DispatchAsync(step, 0, tokens: 1, expert: 1).AsTask());
        Assert.Equal((ElasticEpErrorCode.ExpertsLost, "No rank of view 4 [0 1] holds expert 1 of layer 0."), (lost.Code, lost.Message));
        Assert.Empty(rank.Sent);
    }

    [Fact]
    public void A_view_that_does_not_fit_is_refused()
    {
        var options = _rank.Options;
        foreach (var view in new[]
        {
            ExchangeSetup.View(options, 4, 0, 8),
            ExchangeSetup.View(options, 4, 1, 2),
            ExchangeSetup.View(ExchangeSetup.Options(layers: 1), 4, 0, 1),
            new GroupView(4, 0, 0, [new GroupMember(0, 1, "")], _rank.View.Placement),
        })
            Assert.Equal(ElasticEpErrorCode.InvalidArgument, Assert.Throws<ElasticEpException>(() => _rank.Exchange.EnterView(view, 1)).Code);
        Assert.Equal(ElasticEpErrorCode.InvalidState, Assert.Throws<ElasticEpException>(() => _rank.Exchange.BeginStep(4, 7, 1)).Code);
    }

    private static async Task<DispatchedRows> DispatchAsync(LoneRank rank, ExchangeStep step, int layer)
    {
        var dispatch = rank.DispatchAsync(step, layer).AsTask();
        rank.Deliver(1, rank.Dispatch(layer, step: step.Number));
        rank.Deliver(5, rank.Dispatch(layer, step: step.Number));
        return await dispatch.WaitAsync(ExchangeGroup.Patience);
    }

    private static async Task CombineRefusedAsync(ElasticStep step, DispatchedRows rows, ElasticEpErrorCode code, EpBuffer expertOutput = default, EpBuffer output = default)
    {
        var refused = await Assert.ThrowsAsync<ElasticEpException>(() => step.CombineAsync(rows, expertOutput, output).AsTask());
        Assert.Equal(code, refused.Code);
    }

    private async Task RunLayerAsync(ExchangeStep step, int layer) => await step.CombineAsync(await DispatchAsync(_rank, step, layer), default, default);

    private async Task RefusedAsync(
        ElasticStep step,
        string message,
        ElasticEpErrorCode code = ElasticEpErrorCode.InvalidArgument,
        int layer = 0,
        int lane = 0,
        int tokens = 1,
        EpBuffer? hidden = null,
        EpBuffer? ids = null,
        EpBuffer? weights = null)
    {
        var sent = _rank.Sent.Count;
        var refused = await Assert.ThrowsAsync<ElasticEpException>(() => step.DispatchAsync(
            layer,
            hidden ?? EpBuffer.From(new float[tokens * 16]),
            ids ?? EpBuffer.From(new int[tokens * 3]),
            weights ?? EpBuffer.From(new float[tokens * 3]),
            lane).AsTask());
        Assert.Equal(code, refused.Code);
        Assert.Contains(message, refused.Message, StringComparison.Ordinal);
        Assert.Equal(sent, _rank.Sent.Count);
    }
}
