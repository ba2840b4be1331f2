using ElasticEp.Events;
using ElasticEp.Placement;
using ElasticEp.Weights;

namespace ElasticEp.Runtime;

/// <summary>The fewest bytes that a transition must move between ranks.</summary>
internal static class WeightBound
{
    /// <summary>The planner's bound on experts, at the size of the largest expert that moves, plus the dense bytes of each joiner that does not hold them.</summary>
    public static long Of(PlacementPlan plan, PlanInquiry inquiry, WeightManifest manifest)
    {
        var view = inquiry.View;
        if (view.Members.IsEmpty)
            return 0; // at birth everything comes from the workload's source
        var joiners = inquiry.Target.Count(member => !view.Contains(member.Rank) && !inquiry.Standbys.Any(standby => standby.Rank == member.Rank && standby.State.HasDense));
        var largest = plan.Transfers.Count == 0 ? 0 : plan.Transfers.Max(transfer => manifest.ExpertBytes(transfer.Layer));
        return (plan.LowerBound * largest) + (joiners * manifest.DenseBytes);
    }
}
