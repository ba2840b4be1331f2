using System.Collections.Immutable;
using ElasticEp.Events;
using ElasticEp.Placement;
using ElasticEp.Protocol;
using ElasticEp.Runtime;
using ElasticEp.Tests.Membership;
using ElasticEp.Tests.Simulation;
using ElasticEp.Weights;

namespace ElasticEp.Tests.Runtime;

/// <summary>Plans for joiners that hold weights already: 12 experts in two layers.</summary>
public sealed class PlanningTests
{
    private const int Experts = 12;
    private const int Layers = 2;

    private static readonly WeightManifest Manifest = new([new ExpertPart("dense", 1_000)], [.. Enumerable.Repeat<ImmutableArray<ExpertPart>>([new ExpertPart("w", 64)], Layers)]);

    [Theory]
    [InlineData(2, 0, 9)]
    [InlineData(3, 0, 9)]
    [InlineData(4, 0, 9)]
    [InlineData(4, 4, 9)]
    [InlineData(4, 12, 9)]
    [InlineData(4, 0, 0)] // its number is lower than those of the members
    public void A_joiner_that_holds_everything_gets_nothing_and_nobody_else_moves_anything(int ranks, int redundant, int joiner)
    {
        var options = Options(redundant);
        int[] members = [.. Enumerable.Range(1, ranks)];
        var view = Born(options, members);
        var (plan, bound) = Planning.Plan(new MinimalMove(), Inquiry(view, [.. members.Append(joiner).Order()], (joiner, Full(joiner))), options, Manifest);
        Assert.NotEmpty(plan.Transfers);
        Assert.All(plan.Transfers, transfer => Assert.Equal((joiner, true), (transfer.Destination, view.Contains(transfer.Source)))); // each has a source, whatever it holds
        Assert.Equal(0, bound);
        Assert.Null(plan.Placement.FindMissing());
    }

    /// <summary>Whatever the load, which decides what each member gives up.</summary>
    [Theory]
    [InlineData(3, 1)]
    [InlineData(4, 1)]
    [InlineData(2, 2)]
    [InlineData(4, 2)]
    public void Joiners_that_hold_everything_share_it(int ranks, int joiners)
    {
        var random = new SimRandom(7);
        var options = Options(0);
        options.MovementBudget = 0;
        var view = Born(options, [.. Enumerable.Range(0, ranks)]);
        for (var round = 0; round < 50; round++)
        {
            var load = Enumerable.Range(0, Layers * Experts).Select(_ => (float)random.Below(1_000)).ToArray();
            var inquiry = new PlanInquiry(view, [.. Enumerable.Range(0, ranks + joiners).Select(Member)], load) { Standbys = [.. Enumerable.Range(ranks, joiners).Select(rank => (rank, Full(rank)))] };
            var (plan, bound) = Planning.Plan(new MinimalMove(), inquiry, options, Manifest);
            Assert.All(plan.Transfers, transfer => Assert.InRange(transfer.Destination, ranks, ranks + joiners - 1));
            Assert.Equal(0, bound);
        }
    }

    [Fact]
    public void A_joiner_leaves_where_it_is_what_it_holds()
    {
        var options = Options(0);
        var view = Born(options, 0, 1, 2);
        var held = StandbyShare.Choose(view.Placement, 3, 3, ExpertPlacement.Empty);
        var (plan, bound) = Planning.Plan(new MinimalMove(), Inquiry(view, [0, 1, 2, 3], (3, new StandbyState(true, held, 6))), options, Manifest);
        for (var layer = 0; layer < Layers; layer++)
            Assert.Equal(held.GetSlots(layer, 3).ToArray(), plan.Placement.GetSlots(layer, 3).ToArray().Where(expert => expert >= 0).Order());
        Assert.Equal(0, bound);
    }

    [Fact]
    public void In_the_place_of_a_lost_member_it_gets_the_experts_that_have_the_fewest_copies()
    {
        var options = Options(redundant: Experts);
        options.ToleratedLosses = 1;
        var born = Born(options, 0, 1, 2, 3);
        var view = new GroupView(2, 9, 0, born.Members.Where(member => member.Rank != 1), born.Placement.Without([1]));
        var (plan, _) = Planning.Plan(new MinimalMove(), Inquiry(view, [0, 2, 3, 4], (4, Full(4))), options, Manifest);
        Assert.All(plan.Transfers, transfer => Assert.Equal(4, transfer.Destination));
        Assert.Equal(born.Placement.GetSlots(0, 1).ToArray().Where(expert => expert >= 0).Order(), plan.Placement.GetSlots(0, 4).ToArray().Where(expert => expert >= 0).Order());
    }

    [Fact]
    public void Without_what_it_says_it_gets_its_share_and_the_dense_weights()
    {
        var options = Options(0);
        var view = Born(options, 0, 1, 2);
        var (plan, bound) = Planning.Plan(new MinimalMove(), Inquiry(view, [0, 1, 2, 3]), options, Manifest);
        Assert.Equal(1_000 + (plan.LowerBound * 64), bound);
        Assert.Equal(3 * Layers, plan.LowerBound);
    }

    [Fact]
    public void What_a_joiner_of_another_model_says_is_left_out()
    {
        var options = Options(0);
        var view = Born(options, 0, 1, 2);
        var other = new StandbyState(true, new ExpertPlacement(99, [3], [[[98]]]), 6);
        Assert.Null(Planning.Plan(new MinimalMove(), Inquiry(view, [0, 1, 2, 3], (3, other)), options, Manifest).Plan.Placement.FindMissing());
    }

    private static ElasticEpOptions Options(int redundant) => new()
    {
        SlotsPerRank = Experts,
        RedundantExperts = redundant,
        Model = new MoeModelShape { MoeLayers = Layers, Experts = Experts, TopK = 1, HiddenSize = 16 },
    };

    private static StandbyState Full(int rank) => new(true, new ExpertPlacement(Experts, [rank], [.. Enumerable.Repeat<int[][]>([[.. Enumerable.Range(0, Experts)]], Layers)]), Experts);

    private static GroupView Born(ElasticEpOptions options, params int[] ranks)
    {
        var plan = Planning.Plan(new MinimalMove(), Inquiry(GroupView.None, ranks), options, Manifest).Plan;
        return new GroupView(1, 0, ranks[0], ranks.Select(Member), plan.Placement);
    }

    private static PlanInquiry Inquiry(GroupView view, int[] target, params (int Rank, StandbyState State)[] standbys) =>
        new(view, [.. target.Select(Member)], default) { Standbys = [.. standbys] };

    /// <summary>All on one node.</summary>
    private static GroupMember Member(int rank) => TestViews.Member(rank) with { Node = "node" };
}
