using ElasticEp.Hosting.Launching;
using ElasticEp.Protocol;

namespace ElasticEp.Tests.Hosting;

/// <summary>Which ranks are to run, by the record.</summary>
public sealed class LaunchPlanTests
{
    private readonly LaunchPlan _plan = new("chat", initialRanks: 2, maxRanks: 5, standbys: 2);

    [Fact]
    public void The_first_ranks_are_wanted_before_there_is_a_view() => Assert.Equal(["0 @birth", "1 @birth"], Wanted(GroupRecord.Unborn));

    [Fact]
    public void Standbys_take_the_lowest_free_numbers_once_there_is_a_view() => Assert.Equal(["1 @standby", "3 @standby"], Wanted(Serving(0, 2)));

    [Fact]
    public void Processes_are_started_in_the_places_of_members_that_were_lost() => Assert.Equal(["1 @standby", "3 @standby", "4 @standby"], Wanted(Serving(0, 2) with { Wanted = 3 }));

    [Fact]
    public void Standbys_stop_at_the_highest_number() => Assert.Equal(["4 @standby"], Wanted(Serving(0, 1, 2, 3)));

    [Fact]
    public void An_operation_wants_its_joiners_and_no_new_standbys() => Assert.Equal(["2 op", "3 op"], Wanted(Growing("op", isCommitted: false)));

    [Fact]
    public void A_committed_operation_and_an_ended_group_start_nobody()
    {
        Assert.Empty(Wanted(Growing("op", isCommitted: true)));
        Assert.Empty(Wanted(new GroupRecord(new GroupView(7, 0, -1, [], ExpertPlacement.Empty, true))));
    }

    [Theory]
    [InlineData(2, LaunchPlan.Standby, true)]
    [InlineData(3, "op", true)]
    [InlineData(3, "earlier", false)]
    [InlineData(1, "@birth", true)]
    [InlineData(4, LaunchPlan.Standby, true)]
    [InlineData(4, "earlier", false)]
    public void During_an_operation_members_its_joiners_and_standbys_go_on(int rank, string startedFor, bool isWanted) =>
        Assert.Equal(isWanted, _plan.IsWanted(Growing("op", isCommitted: false), rank, startedFor));

    [Fact]
    public void A_joiner_of_a_rolled_back_operation_ends_and_a_standby_beyond_the_wanted_ones_too()
    {
        Assert.False(_plan.IsWanted(Serving(0, 1), 2, "rolled back"));
        Assert.True(_plan.IsWanted(Serving(0, 1), 2, LaunchPlan.Standby));
        Assert.False(_plan.IsWanted(Serving(0, 1), 4, LaunchPlan.Standby));
    }

    [Fact]
    public void A_leaver_goes_on_until_its_operation_has_ended()
    {
        var leaving = Serving(0) with { Pending = new PendingOperation(new OperationRequest("op", OperationKind.Scale), [0], [], [1]) { IsCommitted = true } };
        Assert.True(_plan.IsWanted(leaving, 1, "@birth"));
        Assert.False(_plan.IsWanted(Serving(0), 1, "@birth"));
    }

    [Fact]
    public void A_standby_is_adopted_by_the_operation_that_wants_its_number()
    {
        Assert.True(LaunchPlan.IsAdopted(Growing("op", isCommitted: false), 2, LaunchPlan.Standby));
        Assert.False(LaunchPlan.IsAdopted(Growing("op", isCommitted: false), 4, LaunchPlan.Standby));
        Assert.False(LaunchPlan.IsAdopted(Growing("op", isCommitted: false), 2, "earlier"));
    }

    private IEnumerable<string> Wanted(GroupRecord record) => _plan.Wanted(record).Select(launch => $"{launch.Rank} {launch.Operation}");

    private static GroupRecord Serving(params int[] ranks) =>
        new(new GroupView(3, 1, ranks[0], ranks.Select(rank => new GroupMember(rank, 1, "")), ExpertPlacement.Empty));

    private static GroupRecord Growing(string operation, bool isCommitted) =>
        Serving(0, 1) with { Pending = new PendingOperation(new OperationRequest(operation, OperationKind.Scale), [0, 1, 2, 3], [2, 3], []) { IsCommitted = isCommitted } };
}
