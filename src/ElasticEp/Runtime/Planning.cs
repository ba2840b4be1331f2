using System.Collections.Immutable;
using ElasticEp.Events;
using ElasticEp.Placement;
using ElasticEp.Weights;

namespace ElasticEp.Runtime;

/// <summary>Turns the coordinator's question into a request of a placement policy, and its answer into a plan.</summary>
internal static class Planning
{
    /// <returns>The plan, and the fewest bytes that the transition must move.</returns>
    public static (PlacementPlan Plan, long BytesLowerBound) Plan(IPlacementPolicy policy, PlanInquiry inquiry, ElasticEpOptions options, WeightManifest manifest)
    {
        if (inquiry.Target.IsEmpty)
            return (new PlacementPlan(ExpertPlacement.Empty, [], 0), 0);
        var target = inquiry.Target.Select(member => member.Rank).ToImmutableArray();
        var largest = Enumerable.Range(0, options.Model.MoeLayers).Max(manifest.ExpertBytes);
        var plan = PlacementPlanner.Plan(policy, new PlacementRequest
        {
            Layers = options.Model.MoeLayers,
            Experts = options.Model.Experts,
            Ranks = [.. inquiry.Target.Select(member => new RankCapacity(member.Rank, options.SlotsPerRank, options.SpareExperts, member.Node.Length == 0 ? null : member.Node))],
            Current = inquiry.View.Placement,
            RedundantExperts = options.RedundantExperts,
            ToleratedLosses = options.ToleratedLosses,
            Load = inquiry.Load,
            ExpertBytes = largest,
            MovementBudget = options.MovementBudget ?? EvenShares(inquiry.View, target, options, largest),
        }, WithHeld(inquiry));
        foreach (var stage in plan.Stages)
            stage.Placement.Encode(); // here, and not on the mailbox, which makes views of them
        return (plan, WeightBound.Of(plan, inquiry, manifest));
    }

    /// <summary>The placement in use, and on each joiner what it holds already: a policy that moves little finds the joiner's share among that.</summary>
    private static ExpertPlacement WithHeld(PlanInquiry inquiry)
    {
        var (placement, joiner) = (inquiry.View.Placement, 0);
        foreach (var (rank, state) in inquiry.Standbys)
        {
            var offered = joiner++;
            if (state.Experts.Layers > 0 && (state.Experts.Layers, state.Experts.Experts) == (placement.Layers, placement.Experts) && !placement.Ranks.Contains(rank))
                placement = placement.With(StandbyShare.Offer(inquiry.View.Placement, state.Experts, offered, inquiry.Standbys.Length));
        }

        return placement;
    }

    /// <summary>Bytes of an even share of all copies for each rank that joins or leaves; see <see cref="ElasticEpOptions.MovementBudget"/>.</summary>
    public static long EvenShares(GroupView view, ImmutableArray<int> target, ElasticEpOptions options, long expertBytes)
    {
        var present = view.Members.Select(member => member.Rank).ToArray();
        var changes = target.Except(present).Count() + present.Except(target).Count();
        var copies = options.Model.Experts + options.RedundantExperts;
        var share = (copies + target.Length - 1) / target.Length;
        return (long)changes * share * options.Model.MoeLayers * expertBytes;
    }
}
