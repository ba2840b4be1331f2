using ElasticEp.Exchange;
using ElasticEp.TestKit;

namespace ElasticEp.Tests.Exchange;

/// <summary>
/// What every engine of the exchange must do with rows, without a protocol: every received row and every result is compared with an oracle that
/// shares no code with it. A test class of an engine inherits it.
/// </summary>
public abstract class EngineConformance
{
    private const int MaxTokens = 7;

    internal abstract IExchangeEngineFactory Engines { get; }

    /// <summary>Brings a buffer to where the engine wants it.</summary>
    internal virtual EpBuffer Upload(EpBuffer host) => host;

    /// <summary>Memory for rows where the engine works.</summary>
    internal virtual EpBuffer Allocate(long bytes, ElementType type) => bytes == 0 ? default : EpBuffer.From(new byte[bytes], type);

    /// <summary>Reads what an engine has written.</summary>
    internal virtual byte[] Download(EpBuffer buffer) => buffer.AsSpan<byte>().ToArray();

    /// <summary>Copies rows from the memory of one engine to that of another.</summary>
    internal virtual void Copy(EpBuffer from, EpBuffer to) => from.AsSpan<byte>().CopyTo(to.AsSpan<byte>());

    /// <summary>Reads a 32-bit word where the weights of experts lie.</summary>
    internal virtual unsafe int ReadWord(nint address) => *(int*)address;

    /// <summary>The oracle's expert, on rows of one slot.</summary>
    internal virtual void Compute(ElementType type, int hidden, in ExpertBatch batch) => ExchangeOracle.RunExpert(type, hidden, batch);

    public static TheoryData<ElementType, CombineMode, int, int> Shapes
    {
        get
        {
            var data = new TheoryData<ElementType, CombineMode, int, int>();
            foreach (var type in (ElementType[])[ElementType.Float32, ElementType.BFloat16])
            {
                foreach (var mode in Enum.GetValues<CombineMode>())
                {
                    foreach (var (members, topK) in ((int, int)[])[(1, 3), (2, 1), (3, 3), (5, 12)])
                        data.Add(type, mode, members, topK);
                }
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Every_row_arrives_and_every_sum_has_the_bits_of_the_oracle(ElementType type, CombineMode mode, int members, int topK)
    {
        var options = Options(type, mode, topK);
        using var group = new EngineGroup(this, options, members);
        for (var epoch = 1; epoch <= 3; epoch++)
        {
            group.Enter(ExchangeSetup.Scattered(options, epoch, (ulong)(epoch * members), [.. Enumerable.Range(0, members)]));
            group.RunStep(epoch, isGrouped: epoch == 2);
        }
    }

    [Theory]
    [InlineData(CombineMode.Exact)]
    [InlineData(CombineMode.PreReduced)]
    public void Members_come_and_go(CombineMode mode)
    {
        var options = Options(ElementType.Float32, mode, topK: 3);
        using var group = new EngineGroup(this, options, 6);
        int[][] views = [[0], [0, 3], [0, 1, 3, 5], [1, 5], [1, 2, 4, 5], [4]];
        for (var epoch = 1; epoch <= views.Length; epoch++)
        {
            group.Enter(ExchangeSetup.View(options, epoch, views[epoch - 1]));
            group.RunStep(epoch, isGrouped: epoch % 2 == 0);
        }
    }

    /// <summary>Rows of 2 KiB and more may be sent from where they lie.</summary>
    [Theory]
    [InlineData(ElementType.Float32, CombineMode.Exact)]
    [InlineData(ElementType.BFloat16, CombineMode.Exact)]
    [InlineData(ElementType.BFloat16, CombineMode.PreReduced)]
    public void Long_rows_arrive_as_short_ones_do(ElementType type, CombineMode mode)
    {
        var options = ExchangeSetup.Options(type, mode, topK: 3, hidden: 1040, maxTokens: MaxTokens);
        using var group = new EngineGroup(this, options, 4);
        group.Enter(ExchangeSetup.Scattered(options, 1, 5, 0, 1, 2, 3));
        group.RunStep(1, isGrouped: false);
        group.RunStep(2, isGrouped: true, tokens: MaxTokens);
    }

    [Fact]
    public void A_step_without_a_token_sends_and_computes_nothing()
    {
        var options = Options(ElementType.BFloat16, CombineMode.Exact, topK: 3);
        using var group = new EngineGroup(this, options, 3);
        group.Enter(ExchangeSetup.View(options, 1, 0, 1, 2));
        group.RunStep(1, isGrouped: false, tokens: 0);
        group.RunStep(2, isGrouped: true, tokens: 0);
        var batches = group.Batches(3, 0, 0, tokens: 0);
        foreach (var rank in (int[])[0, 1, 2])
            group[rank].Dispatch(0, 0, batches[rank]);
        Assert.All((int[])[0, 1, 2], rank => Assert.Equal([(0, 0L), (0, 0L)], group[rank].Sent.Select(sent => (sent.Count, sent.Metadata.ByteLength))));
        Assert.All((int[])[0, 1, 2], rank => Assert.Equal(((int[])[0, 1, 2]).Where(other => other != rank), group[rank].Sent.Select(sent => sent.To).Order()));
        group.Deliver([0, 1, 2]);
        foreach (var rank in (int[])[0, 1, 2])
        {
            group[rank].Return(0, group.Compute(rank, 0, 0, batches, isGrouped: false));
            Assert.Empty(group[rank].Sent);
        }
    }

    [Theory]
    [InlineData(CombineMode.Exact)]
    [InlineData(CombineMode.PreReduced)]
    public void Lanes_share_no_memory(CombineMode mode)
    {
        var options = ExchangeSetup.Options(ElementType.BFloat16, mode, layers: 3, topK: 3, maxTokens: MaxTokens, lanes: 3);
        using var group = new EngineGroup(this, options, 3);
        group.Enter(ExchangeSetup.Scattered(options, 1, 9, 0, 1, 2));
        group.RunStep(1, isGrouped: false);
        group.RunStep(2, isGrouped: true);
    }

    [Fact]
    public void A_member_to_which_nothing_is_owed_may_be_a_layer_ahead()
    {
        var options = Options(ElementType.Float32, CombineMode.Exact, topK: 3);
        using var group = new EngineGroup(this, options, 2);
        group.Enter(ExchangeSetup.View(options, 1, 0, 1));
        var (first, second) = (group.Batches(1, 0, 0, tokens: MaxTokens), group.Batches(1, 1, 0, tokens: MaxTokens));
        first[0] = new ExchangeBatch(options, 0);
        group[0].Dispatch(0, 0, first[0]);
        group[1].Dispatch(0, 0, first[1]);
        group.Deliver([0, 1]);
        group[0].Return(0, group.Compute(0, 0, 0, first, isGrouped: false));
        group.Deliver([0]);
        group.Combine(0, 0, 0, first[0]);
        group[0].Dispatch(0, 1, second[0]);
        group.Deliver([0]); // before rank 1 has grouped the layer before
        group[1].Return(0, group.Compute(1, 0, 0, first, isGrouped: false));
        group.Deliver([1]);
        group.Combine(1, 0, 0, first[1]);
        group[1].Dispatch(0, 1, second[1]);
        group.Deliver([1]);
        foreach (var rank in (int[])[0, 1])
            group[rank].Return(0, group.Compute(rank, 0, 1, second, isGrouped: true));
        group.Deliver([0, 1]);
        group.Combine(0, 0, 1, second[0]);
        group.Combine(1, 0, 1, second[1]);
    }

    [Fact]
    public void An_attempt_that_was_given_up_half_way_leaves_nothing_behind()
    {
        var options = Options(ElementType.Float32, CombineMode.Exact, topK: 3);
        using var group = new EngineGroup(this, options, 3);
        group.Enter(ExchangeSetup.View(options, 1, 0, 1, 2));
        for (var phase = 0; phase < 3; phase++)
        {
            var batches = group.Batches(10 + phase, 0, 0, tokens: MaxTokens);
            foreach (var rank in (int[])[0, 1, 2])
                group[rank].Dispatch(0, 0, batches[rank]);
            if (phase > 0)
                group.Deliver([0, 1, 2]);
            if (phase > 1)
                group[0].Return(0, group.Compute(0, 0, 0, batches, isGrouped: false));
            foreach (var rank in (int[])[0, 1, 2])
                group[rank].Sent.Clear();
            group.RunStep(phase, isGrouped: false);
        }
    }

    [Fact]
    public void A_step_of_as_many_tokens_as_there_may_be_fits()
    {
        var options = Options(ElementType.Float32, CombineMode.Exact, topK: 12);
        using var group = new EngineGroup(this, options, 2);
        group.Enter(ExchangeSetup.View(options, 1, 0, 1));
        group.RunStep(1, isGrouped: false, tokens: MaxTokens);
    }

    [Theory]
    [InlineData(-2, 1f, "expert of token 1, position 2 is -2")]
    [InlineData(12, 1f, "expert of token 1, position 2 is 12")]
    [InlineData(3, float.NaN, "weight of token 1, position 2 is NaN")]
    [InlineData(3, float.NegativeInfinity, "weight of token 1, position 2 is -")]
    public void What_cannot_be_routed_is_named_and_the_lane_goes_on(int id, float weight, string words)
    {
        var options = Options(ElementType.Float32, CombineMode.Exact, topK: 3);
        using var group = new EngineGroup(this, options, 2);
        group.Enter(ExchangeSetup.View(options, 1, 0, 1));
        var batch = ExchangeBatch.Random(options, 0, 1, 0, 0, tokens: 2);
        (batch.Ids[5], batch.Weights[5]) = (id, weight);
        var refused = Assert.Throws<ElasticEpException>(() => group[0].Dispatch(0, 0, batch));
        Assert.Equal(ElasticEpErrorCode.InvalidArgument, refused.Code);
        Assert.Contains(words, refused.Message, StringComparison.Ordinal);
        group.RunStep(1, isGrouped: false);
    }

    [Fact]
    public void An_expert_that_no_rank_holds_is_named()
    {
        var options = Options(ElementType.Float32, CombineMode.Exact, topK: 1);
        using var group = new EngineGroup(this, options, 1);
        group.Enter(ExchangeSetup.Of(options, 4, [0], [.. Enumerable.Range(0, options.Model.MoeLayers).Select(_ => new[] { new[] { 0, 1, 2 } })]));
        var batch = ExchangeBatch.Random(options, 0, 1, 0, 0, tokens: 1);
        batch.Ids[0] = 7;
        var refused = Assert.Throws<ElasticEpException>(() => group[0].Dispatch(0, 0, batch));
        Assert.Equal((ElasticEpErrorCode.ExpertsLost, (long?)4), (refused.Code, refused.Epoch));
        Assert.Contains("expert 7 of layer 0", refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("token 7", 7, 0, -1, -1)]
    [InlineData("token -1", -1, 0, -1, -1)]
    [InlineData("names slot 6", 0, 6, -1, -1)]
    [InlineData("names slot -2", 0, -2, -1, -1)]
    [InlineData("names no slot", 0, -1, -1, -1)]
    [InlineData("row 1 has token 2 after token 2", 2, 0, -1, -1, 2, 1, -1, -1)]
    [InlineData("row 1 has token 1 after token 2", 2, 0, -1, -1, 1, 1, -1, -1)]
    public void A_description_that_does_not_fit_is_found(string words, params int[] description)
    {
        var options = Options(ElementType.Float32, CombineMode.Exact, topK: 3);
        using var group = new EngineGroup(this, options, 2);
        group.Enter(ExchangeSetup.View(options, 1, 0, 1));
        var lane = group[0].Engine.Lanes[0];
        var target = lane.PlaceDispatch(1, 0, description.Length / 4);
        description.CopyTo(target.Metadata.AsSpan<int>());
        Assert.Contains(words, lane.FindFault(1, 0), StringComparison.Ordinal);
        target = lane.PlaceDispatch(1, 0, 1);
        ((int[])[0, 0, -1, -1]).CopyTo(target.Metadata.AsSpan<int>());
        Assert.Null(lane.FindFault(1, 0));
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    public void A_weight_that_is_not_finite_is_found_where_it_would_be_used(float weight)
    {
        var options = Options(ElementType.Float32, CombineMode.PreReduced, topK: 1);
        using var group = new EngineGroup(this, options, 2);
        group.Enter(ExchangeSetup.View(options, 1, 0, 1));
        var target = group[0].Engine.Lanes[0].PlaceDispatch(1, 0, 1);
        ((int[])[0, 0, BitConverter.SingleToInt32Bits(weight)]).CopyTo(target.Metadata.AsSpan<int>());
        Assert.Contains("a weight that is not finite at position 0", group[0].Engine.Lanes[0].FindFault(1, 0), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(CombineMode.Exact, false)]
    [InlineData(CombineMode.Exact, true)]
    [InlineData(CombineMode.PreReduced, false)]
    public void Tokens_of_an_expert_that_is_not_here_are_told_and_get_zeros(CombineMode mode, bool isGrouped)
    {
        var options = Options(ElementType.BFloat16, mode, topK: 3);
        options.LostExperts = LostExpertsPolicy.Fail;
        using var group = new EngineGroup(this, options, 2);
        group.Enter(ExchangeSetup.View(options, 1, 0, 1));
        foreach (var rank in (int[])[0, 1])
            group[rank].MissingExperts.Add(5);
        group.RunStep(1, isGrouped, tokens: MaxTokens, missing: 5);
    }

    [Fact]
    public void A_view_whose_memory_cannot_be_registered_is_not_prepared_until_it_can()
    {
        var options = Options(ElementType.Float32, CombineMode.Exact, topK: 3);
        using var group = new EngineGroup(this, options, 3);
        var first = ExchangeSetup.View(options, 1, 0, 1);
        group.Enter(first);
        var next = ExchangeSetup.View(options, 2, 0, 1, 2);
        group[0].Register = _ => throw new InsufficientMemoryException("no more can be locked");
        Assert.Equal("no more can be locked", Assert.Throws<InsufficientMemoryException>(() => group[0].Engine.Prepare(first, next)).Message);
        Assert.False(group[0].Engine.IsPrepared(next));
        Assert.True(group[0].Engine.IsPrepared(first));
        group.RunStep(1, isGrouped: false);
        group[0].Register = _ => ElasticEp.Transport.NoRegistration.Instance;
        group.Enter(next);
        group.RunStep(2, isGrouped: false);
    }

    private static ElasticEpOptions Options(ElementType type, CombineMode mode, int topK) => ExchangeSetup.Options(type, mode, layers: 3, topK: topK, maxTokens: MaxTokens);
}
