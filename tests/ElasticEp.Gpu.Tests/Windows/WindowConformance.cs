using ElasticEp.Cuda.Kernels;
using ElasticEp.Cuda.Windows;
using ElasticEp.Gpu.Tests.Kernels;
using ElasticEp.TestKit;

namespace ElasticEp.Gpu.Tests.Windows;

public sealed class CpuWindowTests : WindowConformance
{
    protected override IKernelMachine Create() => new CpuMachine();
}

public sealed class CudaWindowTests : WindowConformance
{
    protected override IKernelMachine Create() => new CudaMachine();
}

/// <summary>
/// Ranks write into each other's windows: every received row and every sum has the bits of the oracle to which the processor's engine is held
/// too.
/// </summary>
public abstract class WindowConformance
{
    protected abstract IKernelMachine Create();

    public static TheoryData<ElementType, CombineMode, int, int, bool> Shapes
    {
        get
        {
            var data = new TheoryData<ElementType, CombineMode, int, int, bool>();
            foreach (var type in (ElementType[])[ElementType.Float32, ElementType.BFloat16])
            {
                foreach (var mode in Enum.GetValues<CombineMode>())
                {
                    foreach (var (members, topK) in ((int, int)[])[(1, 3), (2, 8), (3, 3), (5, 12)])
                        data.Add(type, mode, members, topK, false);
                    data.Add(type, mode, 3, 4, true);
                }
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Every_row_arrives_and_every_sum_has_the_bits_of_the_oracle(ElementType type, CombineMode mode, int members, int topK, bool usesFloat8)
    {
        using var machine = Create();
        var options = Options(type, mode, topK, usesFloat8 ? 256 : 24);
        var group = new WindowGroup(machine, options, members, usesFloat8, usesPowersOfTwo: members == 3 && mode == CombineMode.PreReduced);
        for (var epoch = 1; epoch <= 2; epoch++)
        {
            group.Enter(ExchangeSetup.Scattered(options, epoch, (ulong)(epoch * members), [.. Enumerable.Range(0, members)]));
            group.RunStep(epoch * 7, Tokens(options, epoch));
        }
    }

    [Theory]
    [InlineData(CombineMode.Exact)]
    [InlineData(CombineMode.PreReduced)]
    public void Members_come_and_go(CombineMode mode)
    {
        using var machine = Create();
        var options = Options(ElementType.BFloat16, mode, topK: 3, hidden: 24);
        var group = new WindowGroup(machine, options, 6);
        int[][] views = [[0], [0, 3], [0, 1, 3, 5], [1, 5], [1, 2, 4, 5], [4]];
        for (var epoch = 1; epoch <= views.Length; epoch++)
        {
            group.Enter(ExchangeSetup.View(options, epoch, views[epoch - 1]));
            group.RunStep(epoch, Tokens(options, epoch));
        }
    }

    /// <summary>Rows that are moved in several pieces, the last of them not whole.</summary>
    [Theory]
    [InlineData(ElementType.Float32, CombineMode.Exact, 1032, false)]
    [InlineData(ElementType.BFloat16, CombineMode.PreReduced, 2056, false)]
    [InlineData(ElementType.BFloat16, CombineMode.Exact, 1152, true)]
    public void Long_rows_and_two_lanes(ElementType type, CombineMode mode, int hidden, bool usesFloat8)
    {
        using var machine = Create();
        var options = ExchangeSetup.Options(type, mode, layers: 3, topK: 3, hidden: hidden, maxTokens: 5, lanes: 2);
        var group = new WindowGroup(machine, options, 3, usesFloat8);
        group.Enter(ExchangeSetup.Scattered(options, 1, 5, 0, 1, 2));
        group.RunStep(1, (_, lane) => 5 - lane);
        group.RunStep(2, (rank, lane) => rank + lane);
    }

    [Fact]
    public void More_tokens_than_a_word_has_bits_keep_their_order()
    {
        using var machine = Create();
        var options = ExchangeSetup.Options(topK: 2, hidden: 8, maxTokens: 77, layers: 1);
        var group = new WindowGroup(machine, options, 3);
        group.Enter(ExchangeSetup.Scattered(options, 1, 9, 0, 1, 2));
        group.RunStep(1, (rank, _) => rank == 1 ? 77 : 64);
    }

    [Fact]
    public void Nobody_has_a_token_and_all_tags_are_sent()
    {
        using var machine = Create();
        var options = Options(ElementType.BFloat16, CombineMode.Exact, 3, 24);
        var group = new WindowGroup(machine, options, 2);
        group.Enter(ExchangeSetup.View(options, 4, 0, 1));
        group.RunStep(9, (_, _) => 0);
        var tag = WindowTag.Of(4, 9);
        for (var layer = 0; layer < 3; layer++)
        {
            if (layer > 0)
                Assert.Equal(tag + layer + 1, group[0].Flag(1, 0, Signals.Dispatch, layer & 1));
        }

        Assert.Equal(tag + 3, group[1].Flag(0, 0, Signals.Return, 0));
        Assert.Equal(0, group[0].Received(1, 0, 0)[0]);
    }

    [Fact]
    public void Tags_differ_between_attempts_steps_and_layers_and_are_never_zero()
    {
        var tags = (from epoch in new[] { 0L, 1, (1 << 24) - 1 } from step in new[] { 0L, 1, 77, (1 << 24) - 1 } from layer in new[] { 0, 1, 62 } select WindowTag.Of(epoch, step) + layer + 1).ToList();
        Assert.Equal(tags.Count, tags.Distinct().Count());
        Assert.DoesNotContain(0L, tags);
        Assert.Equal(WindowTag.Of(5, 7), WindowTag.Of(5 + (1 << 24), 7));
    }

    [Fact]
    public void A_dispatch_that_never_comes_ends_the_wait_by_its_deadline_and_nothing_is_sent_after_it()
    {
        using var machine = Create();
        var (group, batches) = Halfway(machine);
        group[0].Dispatch(0, 0, batches[0]); // rank 1 sends nothing
        group[0].Receive(0, 0);
        Assert.Equal(new WindowFailure(0, ExchangeFailure.DispatchExpired, 1), group[0].Status());
        group[0].Return(0, 0, []);
        Assert.Equal(0, group[1].Flag(0, 0, Signals.Return, 0));
        group[0].Dispatch(0, 1, batches[0]);
        Assert.Equal(0, group[1].Flag(0, 0, Signals.Dispatch, 1));
        group[0].End();
        Assert.True(group[0].Words.IsDone(3, 1, out var failure));
        Assert.Equal(1, failure!.Value.Member);
        Assert.False(failure.Value.IsEnded);

        // The next attempt finds nothing of this one.
        group.Enter(ExchangeSetup.View(Two, 4, 0, 1));
        group.RunStep(1, (_, _) => 4);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void Once_a_wait_has_failed_and_at_the_head_of_an_attempt_experts_see_no_rows(int rank) // rank 1 receives by two kernels
    {
        using var machine = Create();
        var (group, batches) = Halfway(machine);
        group.Dispatch(0, 0, batches);
        group[rank].Receive(0, 0);
        var (offsets, received) = group[rank].Totals(0);
        Assert.True(offsets[^1] > 0 && received > 0);
        group[rank].Dispatch(0, 1, batches[rank]); // the other one never does
        group[rank].Receive(0, 1);
        Assert.Equal(new WindowFailure(1, ExchangeFailure.DispatchExpired, 1 - rank), group[rank].Status());
        AssertNoRows(group[rank]);

        group.Enter(ExchangeSetup.View(Two, 4, 0, 1));
        group.Start(1, (_, _) => 4);
        group.Dispatch(0, 0, batches);
        group[rank].Receive(0, 0);
        group.Start(2, (_, _) => 4);
        AssertNoRows(group[rank]);
    }

    [Theory]
    [InlineData(0, 3)] // a token
    [InlineData(1, 3)]
    [InlineData(0, 4)] // a slot
    [InlineData(1, 4)]
    [InlineData(0, -1)] // the number of rows
    [InlineData(1, -1)]
    public void Once_a_member_has_written_what_does_not_fit_experts_see_no_rows(int rank, int word)
    {
        using var machine = Create();
        var (group, batches) = Halfway(machine);
        group.Dispatch(0, 0, batches);
        group[rank].Overwrite(1 - rank, word + 1, 1 << 20);
        group[rank].Receive(0, 0);
        Assert.Equal(new WindowFailure(0, ExchangeFailure.Description, 1 - rank), group[rank].Status());
        AssertNoRows(group[rank]);
    }

    [Fact]
    public void The_hosts_word_ends_attempts_up_to_its_epoch_and_no_later_one()
    {
        using var machine = Create();
        var (group, batches) = Halfway(machine);
        group[0].Words.End(3);
        group[0].Words.End(2); // it only grows
        group[0].Dispatch(0, 0, batches[0]);
        group[0].Receive(0, 0);
        var failure = group[0].Status()!.Value;
        Assert.Equal((0, ExchangeFailure.DispatchEnded, 1L), (failure.Layer, failure.Kind, failure.Detail));
        Assert.True(failure.IsEnded);
        group.Start(1, (_, _) => 4); // the same epoch once more
        Assert.True(group[0].Status()!.Value.IsEnded);
        group.Enter(ExchangeSetup.View(Two, 4, 0, 1));
        group.RunStep(1, (_, _) => 4);
    }

    [Fact]
    public void Rows_of_an_attempt_before_are_not_taken_for_this_one()
    {
        using var machine = Create();
        var (group, batches) = Halfway(machine);
        group.Dispatch(0, 0, batches); // epoch 3 sends
        group.Enter(ExchangeSetup.View(Two, 4, 0, 1));
        group.Start(1, (_, _) => 4); // the retry has another epoch
        group[1].Dispatch(0, 0, batches[1]);
        group[1].Receive(0, 0);
        Assert.Equal(new WindowFailure(0, ExchangeFailure.DispatchExpired, 0), group[1].Status());
    }

    [Theory]
    [InlineData(5, 2f, 99, "The expert of token 1, position 2 is 99; it must be −1 or 0 to 11.")]
    [InlineData(3, float.NaN, 1, "The weight of token 1, position 0 is NaN; weights must be finite.")]
    public void A_wrong_entry_fails_the_attempt_with_the_processors_message_before_anything_is_sent(int entry, float weight, int id, string message)
    {
        using var machine = Create();
        var (group, batches) = Halfway(machine);
        (batches[0].Ids[entry], batches[0].Weights[entry]) = (id, weight);
        (batches[0].Ids[9], batches[0].Weights[10]) = (-7, float.PositiveInfinity); // later ones do not show
        group[0].Dispatch(0, 0, batches[0]);
        Assert.Equal(0, group[1].Flag(0, 0, Signals.Dispatch, 0));
        var failure = group[0].Status()!.Value;
        var error = failure.ToException(3, 12, id, weight, ExchangeSetup.View(Two, 3, 0, 1));
        Assert.Equal((ElasticEpErrorCode.InvalidArgument, message), (error.Code, error.Message));
    }

    private static void AssertNoRows(WindowRank rank)
    {
        var (offsets, received) = rank.Totals(0);
        Assert.All(offsets, offset => Assert.Equal(0, offset));
        Assert.Equal(0, received);
    }

    private static ElasticEpOptions Two { get; } = Options(ElementType.BFloat16, CombineMode.Exact, 3, 24);

    private static (WindowGroup Group, Dictionary<int, ExchangeBatch> Batches) Halfway(IKernelMachine machine)
    {
        var group = new WindowGroup(machine, Two, 2);
        group.Enter(ExchangeSetup.View(Two, 3, 0, 1));
        group.Start(1, (_, _) => 4);
        return (group, group.Batches(1, 0, 0, (_, _) => 4));
    }

    private static ElasticEpOptions Options(ElementType type, CombineMode mode, int topK, int hidden) =>
        ExchangeSetup.Options(type, mode, layers: 3, topK: topK, hidden: hidden, maxTokens: 7);

    private static Func<int, int, int> Tokens(ElasticEpOptions options, int seed) => (rank, lane) => (int)((ulong)((rank * 5) + (lane * 3) + seed) % (ulong)(options.MaxTokensPerRank + 1));
}
