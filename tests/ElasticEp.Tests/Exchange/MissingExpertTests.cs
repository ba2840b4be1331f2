using ElasticEp.Exchange;
using ElasticEp.TestKit;

namespace ElasticEp.Tests.Exchange;

/// <summary>Steps that run while experts are loaded again: who chose one of them is told so, and nobody else notices.</summary>
public sealed class MissingExpertTests
{
    private static readonly int[] Missing = [2, 5];

    [Theory]
    [InlineData(ElementType.BFloat16, CombineMode.Exact, false)]
    [InlineData(ElementType.BFloat16, CombineMode.PreReduced, true)]
    [InlineData(ElementType.Float32, CombineMode.Exact, true)]
    [InlineData(ElementType.Float32, CombineMode.PreReduced, false)]
    public async Task Tokens_that_chose_them_get_zeros_and_all_others_their_own_bits(ElementType type, CombineMode mode, bool inHalves)
    {
        var options = ExchangeSetup.Options(type, mode, layers: 1, lanes: 2);
        options.LostExperts = LostExpertsPolicy.Fail;
        await using var group = new ExchangeGroup(options);
        group.Enter(ExchangeSetup.View(options, 1, 0, 1, 2), 1);
        group.MissingExperts.UnionWith(Missing);
        var missed = await RunAsync(group, 1, inHalves);
        Assert.NotInRange(missed, 0, 3);
        group.MissingExperts.Clear(); // they are here
        Assert.Equal(0, await RunAsync(group, 2, inHalves));
        Assert.Empty(group.Network.Violations);
    }

    [Fact]
    public async Task What_a_model_computes_is_never_taken_for_a_missing_expert()
    {
        var options = ExchangeSetup.Options(ElementType.Float32, layers: 1, topK: 1);
        options.LostExperts = LostExpertsPolicy.Fail;
        await using var group = new ExchangeGroup(options);
        group.Enter(ExchangeSetup.View(options, 1, 0), 1);
        var output = new float[16];
        var step = group.Begin(1)[0];
        await step.ForwardExpertsAsync(
            0, EpBuffer.From(new float[16]), EpBuffer.From(new[] { 3 }), EpBuffer.From(new[] { 1f }), EpBuffer.From(output), (in batch) => batch.Output.AsSpan<float>().Fill(float.NaN));
        Assert.All(output, value => Assert.True(float.IsNaN(value)));
        Assert.False(step.MissesExpert(0));
    }

    [Fact]
    public async Task Under_Wait_a_step_never_says_so()
    {
        var options = ExchangeSetup.Options();
        await using var group = new ExchangeGroup(options);
        group.Enter(ExchangeSetup.View(options, 1, 0), 1);
        var step = group.Begin(1)[0];
        Assert.False(step.MissesExpert(0));
        Assert.Throws<ArgumentOutOfRangeException>(() => step.MissesExpert(options.MaxTokensPerRank));
        Assert.Throws<ArgumentOutOfRangeException>(() => step.MissesExpert(0, lane: 1));
    }

    /// <summary>Runs a step of full batches and checks every token of every rank. Returns how many chose a missing expert.</summary>
    private static async Task<int> RunAsync(ExchangeGroup group, long number, bool inHalves)
    {
        var missed = 0;
        await Task.WhenAll(group.Begin(number).SelectMany(pair => Enumerable.Range(0, group.Options.Lanes).Select(async lane =>
            Interlocked.Add(ref missed, await RunLaneAsync(group, pair.Key, pair.Value, lane, inHalves))))).WaitAsync(ExchangeGroup.Patience);
        foreach (var member in group.View.Members)
            group[member.Rank].Abort(new ElasticEpException(ElasticEpErrorCode.StepAborted, "the step is checked"));
        group.Enter(ExchangeSetup.View(group.Options, number + 1, 0, 1, 2), number + 1);
        return missed;
    }

    private static async Task<int> RunLaneAsync(ExchangeGroup group, int rank, ExchangeStep step, int lane, bool inHalves)
    {
        var (options, type) = (group.Options, group.Options.Model.RowType);
        var batch = ExchangeBatch.Random(options, rank, step.Number, 0, lane, options.MaxTokensPerRank);
        if (inHalves)
        {
            using var rows = await step.DispatchAsync(0, batch.HiddenBuffer(type), batch.IdBuffer, batch.WeightBuffer, lane);
            var output = EpBuffer.From(new byte[rows.Rows.ByteLength].AsMemory(), type);
            for (var i = 0; i < rows.Groups; i++)
                Run(rows.GetGroup(i, output));
            await step.CombineAsync(rows, output, batch.OutputBuffer(type));
        }
        else
        {
            await step.ForwardExpertsAsync(0, batch.HiddenBuffer(type), batch.IdBuffer, batch.WeightBuffer, batch.OutputBuffer(type), Run, lane);
        }

        var expected = ExchangeOracle.Combined(options, step.View, 0, rank, batch);
        var rowBytes = options.Model.HiddenSize * EpBuffer.SizeOf(type);
        var missed = 0;
        for (var token = 0; token < batch.Tokens; token++)
        {
            var misses = batch.Ids.AsSpan(token * options.Model.TopK, options.Model.TopK).ContainsAny([.. group.MissingExperts]);
            Assert.Equal(misses, step.MissesExpert(token, lane));
            Assert.Equal(misses ? new byte[rowBytes] : expected.AsSpan(token * rowBytes, rowBytes).ToArray(), batch.Output.AsSpan(token * rowBytes, rowBytes).ToArray());
            missed += misses ? 1 : 0;
        }

        return missed;

        void Run(in ExpertBatch one)
        {
            Assert.DoesNotContain(one.Expert, group.MissingExperts);
            ExchangeOracle.RunExpert(type, options.Model.HiddenSize, one);
        }
    }
}
