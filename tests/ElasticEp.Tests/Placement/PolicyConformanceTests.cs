using ElasticEp.Placement;
using ElasticEp.TestKit;

namespace ElasticEp.Tests.Placement;

public sealed class MinimalMoveConformanceTests : PlacementConformance
{
    protected override IPlacementPolicy Create() => new MinimalMove();
}

public sealed class EplbConformanceTests : PlacementConformance
{
    protected override IPlacementPolicy Create() => new DeepSeekEplb();
}

/// <summary>The suite finds what is wrong with a policy.</summary>
public sealed class PolicyConformanceTests
{
    [Fact]
    public void A_policy_that_leaves_an_expert_out_fails() =>
        Assert.ThrowsAny<Exception>(() => new Faulty(slots => slots.Where(expert => expert != 7)).Every_expert_of_every_layer_is_on_a_rank_of_the_request(1, false));

    [Fact]
    public void A_policy_that_gives_a_rank_too_much_fails() =>
        Assert.ThrowsAny<Exception>(() => new Faulty(slots => slots.Concat([0, 1, 2])).No_rank_gets_more_slots_than_it_has(1, false));

    [Fact]
    public void A_policy_whose_objects_answer_differently_fails() =>
        Assert.ThrowsAny<Exception>(() => new Moody().The_same_request_gives_the_same_answer_from_another_object_and_on_other_threads(1, false));

    [Fact]
    public void A_policy_that_takes_any_load_fails() =>
        Assert.ThrowsAny<Exception>(() => new Faulty(slots => slots, takesAnyLoad: true).A_load_that_does_not_fit_the_model_or_is_not_finite_is_refused_as_an_invalid_argument());

    private sealed class Faulty(Func<IEnumerable<int>, IEnumerable<int>> change, bool takesAnyLoad = false) : PlacementConformance
    {
        protected override IPlacementPolicy Create() => new Policy(change, takesAnyLoad);
    }

    private sealed class Moody : PlacementConformance
    {
        private int _created;

        protected override IPlacementPolicy Create() => new Policy(_created++ == 0 ? slots => slots : slots => slots.Reverse(), takesAnyLoad: false);
    }

    /// <summary>MinimalMove, whose answer is then changed.</summary>
    private sealed class Policy(Func<IEnumerable<int>, IEnumerable<int>> change, bool takesAnyLoad) : IPlacementPolicy
    {
        public string Name => "faulty";

        public ExpertPlacement Plan(PlacementRequest request)
        {
            var asked = takesAnyLoad ? Requests.With(request.Current, request.Layers, request.Experts, 12, 1, 0, default, [.. request.Ranks.Select(rank => rank.Rank)]) : request;
            var placement = new MinimalMove().Plan(asked);
            int[] ranks = placement.Ranks.ToArray();
            return new ExpertPlacement(
                placement.Experts, ranks, [.. Enumerable.Range(0, placement.Layers).Select(layer => ranks.Select(rank => change(placement.GetSlots(layer, rank).ToArray()).ToArray()).ToArray())]);
        }
    }
}
