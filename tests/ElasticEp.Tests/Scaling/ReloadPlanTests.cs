using CsCheck;
using ElasticEp.Protocol;
using ElasticEp.Scaling;
using ElasticEp.Tests.Membership;

namespace ElasticEp.Tests.Scaling;

/// <summary>Where experts go whose last copies were lost.</summary>
public sealed class ReloadPlanTests
{
    [Fact]
    public void What_has_a_copy_stays_and_the_lost_experts_are_spread_over_the_members()
    {
        var record = new GroupRecord(View(2, 0, [[0, 1, -1], [2, 3, -1], [4, 5, -1]]));
        var (placement, reloading) = ReloadPlan.Find(record, Members(0, 1), 3)!.Value;
        Assert.Equal([0, 1, 4], placement.GetSlots(0, 0).ToArray());
        Assert.Equal([2, 3, 5], placement.GetSlots(0, 1).ToArray());
        Assert.Equal([0, 1], reloading);
    }

    [Fact]
    public void A_superfluous_copy_makes_room_and_a_last_one_never_does()
    {
        var record = new GroupRecord(View(2, 0, [[0, 1], [1, 2], [3, 3]], 4));
        var (placement, reloading) = ReloadPlan.Find(record, Members(0, 1), 2)!.Value;
        Assert.Equal([0, 3], placement.GetSlots(0, 0).ToArray());
        Assert.Equal([1, 2], placement.GetSlots(0, 1).ToArray());
        Assert.Equal([0], reloading);
    }

    [Fact]
    public void A_joiner_that_dies_at_commit_is_answered_with_the_old_slots_and_nothing_is_loaded()
    {
        var before = View(1, 0, [[0, 1, 2], [3, 4, 5]]);
        var record = new GroupRecord(View(2, 0, [[0, 1, -1], [2, 3, -1], [4, 5, -1]]), before);
        var (placement, reloading) = ReloadPlan.Find(record, Members(0, 1), 3)!.Value;
        Assert.Equal([2, 3, 4, 5], placement.GetSlots(0, 1).ToArray().Concat([5]).Distinct().Order());
        Assert.Equal([0], reloading); // rank 1 held experts 4 and 5 and has room for one of them
    }

    [Fact]
    public void What_a_recoverys_view_does_not_name_is_given_up()
    {
        var before = View(1, 0, [[0, 1, 2], [3, 4, 5]]);
        var record = new GroupRecord(View(2, 7, [[0, 1, -1], [2, 3, -1], [4, 5, -1]]), before);
        Assert.Equal([0, 1], ReloadPlan.Find(record, Members(0, 1), 3)!.Value.Reloading);
    }

    [Fact]
    public void Too_few_slots_for_every_expert_have_no_plan() => Assert.Null(ReloadPlan.Find(new GroupRecord(View(2, 0, [[0, 1], [2, 3]])), Members(0), 3));

    /// <summary>Whoever is lost: with slots for all there is a plan, it has every expert, moves nothing and drops no last copy.</summary>
    [Fact]
    public void Any_loss_that_leaves_slots_for_all_has_a_plan() => Gen.Select(Gen.Int[2, 6], Gen.Int[1, 5], Gen.Int[1, 12], Gen.Int[0, 1_000_000]).Sample((ranks, slots, experts, seed) =>
    {
        var random = new Random(seed);
        var rows = Enumerable.Range(0, ranks).Select(_ => Enumerable.Range(0, slots).Select(_ => random.Next(-1, experts)).ToArray()).ToArray();
        int[] kept = [.. Enumerable.Range(0, ranks).Where(_ => random.Next(2) == 0)];
        if (kept.Length == 0)
            return;
        var members = Members(kept);
        var placement = new ExpertPlacement(experts, [.. Enumerable.Range(0, ranks)], [rows]);
        var plan = ReloadPlan.Find(new GroupRecord(new GroupView(2, 0, 0, Members([.. Enumerable.Range(0, ranks)]), placement)), members, slots);
        if (kept.Length * slots < experts)
        {
            Assert.Null(plan);
            return;
        }

        Assert.Null(plan!.Value.Placement.FindMissing());
        foreach (var rank in kept)
        {
            var (old, row) = (rows[rank], plan.Value.Placement.GetSlots(0, rank).ToArray());
            Assert.Equal(slots, row.Length);
            Assert.True(plan.Value.Reloading.Contains(rank) || old.SequenceEqual(row));
            foreach (var (before, after) in old.Zip(row))
                Assert.True(before == after || before < 0 || plan.Value.Placement.GetReplicas(0, before).Length > 0);
        }
    }, seed: null);

    private static GroupMember[] Members(params int[] ranks) => [.. ranks.Select(TestViews.Member)];

    private static GroupView View(long epoch, long startStep, int[][] rows, int experts = 6) =>
        new(epoch, startStep, 0, Members([.. Enumerable.Range(0, rows.Length)]), new ExpertPlacement(experts, [.. Enumerable.Range(0, rows.Length)], [rows]));
}
