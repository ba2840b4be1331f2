using CsCheck;
using ElasticEp.Placement;

namespace ElasticEp.Tests.Placement;

/// <summary>What holds of every placement and every plan, over random histories. CsCheck prints the seed of a failure.</summary>
public class MinimalMovePropertyTests
{
    private const int Cases = 40000;
    private readonly MinimalMove _policy = new();

    [Fact]
    public void Every_expert_is_present_and_no_rank_holds_one_twice() => RandomCase.All.Sample(history => history.Play(request =>
    {
        var placement = _policy.Plan(request);
        Assert.Null(placement.FindMissing());
        ForEachRow(request, placement, (rank, row) =>
        {
            Assert.Equal(rank.Slots, row.Length);
            var held = row.Where(expert => expert >= 0).ToArray();
            Assert.Equal(held.Length, held.Distinct().Count());
        });
        return placement;
    }), iter: Cases);

    [Fact]
    public void As_many_copies_are_placed_as_were_asked_for_and_have_room() => RandomCase.All.Sample(history => history.Play(request =>
    {
        var placement = _policy.Plan(request);
        var room = request.Ranks.Sum(rank => Math.Min(rank.Slots, request.Experts));
        for (var layer = 0; layer < request.Layers; layer++)
            Assert.Equal(Math.Min(room, Math.Max(request.Experts + request.RedundantExperts, DepthOf(request) * request.Experts)), request.Ranks.Sum(rank => placement.Held(layer, rank.Rank).Length));
        return placement;
    }), iter: Cases);

    [Fact]
    public void With_enough_slots_any_tolerated_losses_leave_every_expert_alive() => RandomCase.All.Sample(history => history.Play(request =>
    {
        var placement = _policy.Plan(request);
        var room = request.Ranks.Sum(rank => Math.Min(rank.Slots, request.Experts));
        var depth = DepthOf(request);
        if (room >= depth * request.Experts)
            ForEachExpert(placement, replicas => Assert.True(replicas.Select(replica => replica.Rank).Distinct().Count() >= depth));
        return placement;
    }), iter: Cases);

    [Fact]
    public void Copies_are_on_as_many_nodes_as_seats_and_numbers_of_copies_allow() => RandomCase.All.Sample(history => history.Play(request =>
    {
        var placement = _policy.Plan(request);
        var names = request.Ranks.Select(rank => rank.Node ?? "").ToList();
        int[] nodeOf = [.. names.Select(name => names.IndexOf(name))];
        for (var layer = 0; layer < request.Layers && nodeOf.Distinct().Count() > 1; layer++)
        {
            var (nodes, most) = (SpreadBound.NodesOf(placement, layer, nodeOf), Enumerable.Range(0, request.Experts).Sum(expert => Math.Min(placement.GetReplicas(layer, expert).Length, nodeOf.Distinct().Count())));
            if (nodes < most) // otherwise there is no need to compute what can be had
                Assert.Equal(SpreadBound.Of(placement, layer, nodeOf), nodes);
        }

        return placement;
    }), iter: Cases);

    [Fact]
    public void What_stays_keeps_its_slot() => RandomCase.All.Sample(history => history.Play(request =>
    {
        var placement = _policy.Plan(request);
        for (var layer = 0; layer < request.Layers && request.Current.Layers > 0; layer++)
        {
            foreach (var rank in request.Ranks)
            {
                var before = request.Current.GetSlots(layer, rank.Rank).ToArray();
                var after = placement.GetSlots(layer, rank.Rank).ToArray();
                foreach (var expert in before.Take(after.Length).Intersect(after).Where(expert => expert >= 0))
                    Assert.Equal(Array.IndexOf(before, expert), Array.IndexOf(after, expert));
            }
        }

        return placement;
    }), iter: Cases);

    [Fact]
    public void The_same_request_gives_the_same_plan() => RandomCase.All.Sample(history => history.Play(request =>
    {
        var (placement, again) = (_policy.Plan(request), new MinimalMove().Plan(request));
        ForEachRow(request, placement, (_, _) => { });
        for (var layer = 0; layer < request.Layers; layer++)
        {
            foreach (var rank in request.Ranks)
                Assert.Equal(placement.GetSlots(layer, rank.Rank).ToArray(), again.GetSlots(layer, rank.Rank).ToArray());
        }

        return placement;
    }), iter: Cases);

    [Fact]
    public void A_layer_is_planned_the_same_whatever_was_planned_before_it() => RandomCase.All.Sample(history => history.Play(request =>
    {
        var planner = new LayerPlanner(request);
        for (var layer = request.Layers - 1; layer >= 0; layer--)
            planner.Plan(layer, int.MaxValue);
        for (var layer = 0; layer < request.Layers; layer++)
            Assert.Equal(new LayerPlanner(request).Plan(layer, int.MaxValue), planner.Plan(layer, int.MaxValue));
        return _policy.Plan(request);
    }), iter: Cases);

    [Fact]
    public void Balance_costs_at_most_the_budget_more_than_a_plan_without_one() => RandomCase.All.Sample(history => history.Play(request =>
    {
        var moved = Moved(request.Current, _policy.Plan(request));
        var least = Moved(request.Current, _policy.Plan(Requests.WithBudget(request, 0)));
        if (request.MovementBudget is { } budget)
            Assert.InRange(moved, 0, least + budget);
        return _policy.Plan(request);
    }), iter: Cases);

    [Fact]
    public void Every_plan_runs_on_a_cluster_without_writing_to_what_is_in_use() => RandomCase.All.Sample(history => history.Play(request =>
    {
        try
        {
            var plan = PlacementPlanner.Plan(_policy, request);
            SimulatedCluster.Run(request, plan);
            Assert.True(plan.LowerBound <= plan.Transfers.Count, $"the bound {plan.LowerBound} is above the {plan.Transfers.Count} transfers");
            return plan.Placement;
        }
        catch (ElasticEpException refused) when (refused.Code == ElasticEpErrorCode.ImpossibleGroup && MayBeRefused(request))
        {
            return _policy.Plan(request);
        }
    }), iter: Cases);

    /// <summary>Full ranks cannot exchange without a spare buffer, nor take over a leaver's experts while a joiner is to take over theirs.</summary>
    private static bool MayBeRefused(PlacementRequest request)
    {
        var (before, after) = (request.Current.Ranks.ToArray(), request.Ranks.Select(rank => rank.Rank).ToArray());
        return request.Ranks[0].SpareExperts == 0 || (before.Except(after).Any() && after.Except(before).Any());
    }

    private static void ForEachRow(PlacementRequest request, ExpertPlacement placement, Action<RankCapacity, int[]> check)
    {
        for (var layer = 0; layer < request.Layers; layer++)
        {
            foreach (var rank in request.Ranks)
                check(rank, placement.GetSlots(layer, rank.Rank).ToArray());
        }
    }

    private static void ForEachExpert(ExpertPlacement placement, Action<ExpertReplica[]> check)
    {
        for (var layer = 0; layer < placement.Layers; layer++)
        {
            for (var expert = 0; expert < placement.Experts; expert++)
                check(placement.GetReplicas(layer, expert).ToArray());
        }
    }

    private static int Moved(ExpertPlacement before, ExpertPlacement after)
    {
        var moved = 0;
        for (var layer = 0; layer < after.Layers; layer++)
        {
            foreach (var rank in after.Ranks)
                moved += after.Held(layer, rank).Except(before.Layers == 0 ? [] : before.Held(layer, rank)).Count();
        }

        return moved;
    }

    private static int DepthOf(PlacementRequest request) => Math.Min(request.ToleratedLosses + 1, request.Ranks.Count);
}
