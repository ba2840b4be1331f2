using CsCheck;
using ElasticEp.Kernels;
using ElasticEp.TestKit;

namespace ElasticEp.Tests.Exchange;

/// <summary>Every received row and every result against the oracle, exactly.</summary>
public sealed class OracleTests
{
    /// <summary>Every shape in both types and both modes.</summary>
    public static TheoryData<ElementType, CombineMode, int, int, int, int> Shapes
    {
        get
        {
            var data = new TheoryData<ElementType, CombineMode, int, int, int, int>();
            foreach (var (ranks, topK, hidden, maxTokens) in new[] { (1, 1, 16, 4), (2, 1, 24, 4), (2, 8, 16, 8), (3, 3, 136, 5), (4, 8, 2048, 3), (5, 32, 40, 6), (8, 2, 64, 16), (8, 8, 7168, 2) })
            {
                foreach (var type in new[] { ElementType.BFloat16, ElementType.Float32 })
                {
                    data.Add(type, CombineMode.Exact, ranks, topK, hidden, maxTokens);
                    data.Add(type, CombineMode.PreReduced, ranks, topK, hidden, maxTokens);
                }
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public async Task Rows_and_results_are_those_of_the_oracle(ElementType type, CombineMode mode, int ranks, int topK, int hidden, int maxTokens)
    {
        var options = ExchangeSetup.Options(type, mode, layers: 3, experts: 40, topK: topK, hidden: hidden, maxTokens: maxTokens);
        await using var group = new ExchangeGroup(options);
        group.Enter(ExchangeSetup.View(options, 1, [.. Enumerable.Range(0, ranks)]), 1);
        for (var step = 1; step <= 3; step++)
            await group.RunStepAsync(step);
        Assert.Empty(group.Network.Violations);
        Assert.All(group.Ended.Values, count => Assert.Equal(3, count));
    }

    [Theory]
    [InlineData(ElementType.BFloat16, CombineMode.Exact)]
    [InlineData(ElementType.BFloat16, CombineMode.PreReduced)]
    [InlineData(ElementType.Float32, CombineMode.Exact)]
    [InlineData(ElementType.Float32, CombineMode.PreReduced)]
    public async Task Replicas_empty_slots_holes_lanes_and_late_frames_change_nothing(ElementType type, CombineMode mode)
    {
        var ranks = Gen.Int[0, 7].HashSet[1, 6];
        var generator = Gen.Select(ranks, Gen.Int[1, 9], Gen.Int[1, 6], Gen.Int[1, 3], Gen.ULong);
        await generator.SampleAsync(
            async (members, topK, maxTokens, lanes, seed) =>
            {
                var options = ExchangeSetup.Options(type, mode, layers: 3, topK: topK, maxTokens: maxTokens, lanes: lanes);
                await using var group = new ExchangeGroup(options, shuffleSeed: seed);
                group.Enter(ExchangeSetup.Scattered(options, 1, seed, [.. members.Order()]), 1);
                await group.RunStepAsync(1);
                await group.RunStepAsync(2);
                Assert.Empty(group.Network.Violations);
            },
            iter: 40,
            threads: 1);
    }

    [Theory]
    [InlineData(CombineMode.Exact)]
    [InlineData(CombineMode.PreReduced)]
    public async Task A_row_that_is_not_finite_stays_in_its_own_token(CombineMode mode)
    {
        var options = ExchangeSetup.Options(ElementType.Float32, mode, layers: 1, topK: 2);
        await using var group = new ExchangeGroup(options);
        group.Enter(ExchangeSetup.View(options, 1, 0), 1);
        var output = new float[32];
        await group.Begin(1)[0].ForwardExpertsAsync(
            0,
            EpBuffer.From(Enumerable.Repeat(3f, 32).ToArray()),
            EpBuffer.From(new[] { 0, -1, -1, 1 }),
            EpBuffer.From(new[] { 1f, 0f, 0f, 1f }),
            EpBuffer.From(output),
            (in batch) => batch.Output.AsSpan<float>().Fill(batch.Expert == 0 ? float.PositiveInfinity : 5f));
        Assert.Equal([.. Enumerable.Repeat(float.PositiveInfinity, 16), .. Enumerable.Repeat(5f, 16)], output);
    }

    [Fact]
    public async Task No_tokens_anywhere_is_a_step_like_any_other()
    {
        var options = ExchangeSetup.Options();
        await using var group = new ExchangeGroup(options);
        group.Enter(ExchangeSetup.View(options, 1, 0, 1, 2), 1);
        await group.RunStepAsync(1, tokens: 0);
        Assert.Equal(6, group.Network.Frames.Count);
        Assert.All(group.Network.Frames.Values, frames => Assert.Equal(options.Model.MoeLayers, frames)); // dispatches only: nothing returns
    }

    [Theory]
    [InlineData(ElementType.BFloat16)]
    [InlineData(ElementType.Float32)]
    public async Task Exact_results_have_the_same_bits_on_any_number_of_ranks_placement_and_vector_width(ElementType type)
    {
        const int Tokens = 24; // in all, shared out over the ranks
        var options = ExchangeSetup.Options(type, layers: 1, topK: 5, hidden: 56, maxTokens: Tokens);
        var whole = ExchangeBatch.Random(options, 0, 1, 0, 0, Tokens);
        var expected = ExchangeOracle.Combined(options, GroupView.None, 0, 0, whole);
        for (var ranks = 1; ranks <= 8; ranks++)
        {
            foreach (var width in new[] { VectorWidth.Scalar, VectorWidth.Vector256, VectorWidth.Vector512 })
            {
                await using var group = new ExchangeGroup(options, width: width);
                group.Enter(ExchangeSetup.Scattered(options, 1, (ulong)ranks, [.. Enumerable.Range(0, ranks)]), 1);
                Assert.Equal(expected, await RunSharedAsync(group, ranks, whole, Tokens));
            }
        }
    }

    private static async Task<byte[]> RunSharedAsync(ExchangeGroup group, int ranks, ExchangeBatch whole, int tokens)
    {
        var model = group.Options.Model;
        var steps = group.Begin(1);
        var rowBytes = model.HiddenSize * EpBuffer.SizeOf(model.RowType);
        await Task.WhenAll(Enumerable.Range(0, ranks).Select(async rank =>
        {
            var (first, end) = (rank * tokens / ranks, (rank + 1) * tokens / ranks);
            await steps[rank].ForwardExpertsAsync(
                0,
                EpBuffer.From(whole.Hidden.AsMemory(first * rowBytes, (end - first) * rowBytes), model.RowType),
                EpBuffer.From(whole.Ids.AsMemory(first * model.TopK, (end - first) * model.TopK)),
                EpBuffer.From(whole.Weights.AsMemory(first * model.TopK, (end - first) * model.TopK)),
                EpBuffer.From(whole.Output.AsMemory(first * rowBytes, (end - first) * rowBytes), model.RowType),
                (in ExpertBatch batch) => ExchangeOracle.RunExpert(model.RowType, model.HiddenSize, batch));
            steps[rank].EndExchanges();
        })).WaitAsync(ExchangeGroup.Patience);
        var output = (byte[])whole.Output.Clone();
        whole.Output.AsSpan().Clear();
        return output;
    }
}
