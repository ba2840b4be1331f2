using ElasticEp.Protocol;
using ElasticEp.Tests.Membership;

namespace ElasticEp.Tests.Protocol;

public sealed class GroupRecordTests
{
    private static readonly GroupRecord Completed = new(TestViews.View(5, 0, 1, 2));

    [Fact]
    public void The_last_Completed_view_is_kept_through_any_number_of_views_that_are_not()
    {
        var record = Completed.WithNext(TestViews.View(6, 0, 1, 3)).WithNext(TestViews.Started(7, 9, 0, 3)).WithNext(TestViews.Started(8, 9, 3));
        Assert.Equal((8, 5, false), (record.View.Epoch, record.LastCompleted!.Epoch, record.IsCompleted));
    }

    [Fact]
    public void Who_is_absent_by_plan_is_a_leaver_and_who_was_evicted_is_not()
    {
        var record = Completed.WithNext(TestViews.View(6, 0, 3)) with { Evicted = [TestViews.Id(1)] };
        Assert.Equal([TestViews.Id(2)], record.Leavers.Select(leaver => leaver.Id));
        Assert.Equal([TestViews.Id(3)], record.Joiners.Select(joiner => joiner.Id));
    }

    [Fact]
    public void A_process_that_takes_the_place_of_a_member_is_a_joiner_and_the_member_a_leaver()
    {
        var successor = TestViews.Member(1) with { Incarnation = 99 };
        var record = Completed.WithNext(new GroupView(6, 0, 0, [TestViews.Member(0), successor, TestViews.Member(2)], ExpertPlacement.Empty));
        Assert.Equal([TestViews.Id(1)], record.Leavers.Select(leaver => leaver.Id));
        Assert.Equal([successor.Id], record.Joiners.Select(joiner => joiner.Id));
    }

    [Fact]
    public void A_Completed_view_needs_nobody_of_before()
    {
        var record = (Completed.WithNext(TestViews.View(6, 0)) with { Evicted = [TestViews.Id(1)] }).AfterCompletion();
        Assert.True(record.IsCompleted);
        Assert.Empty(record.Leavers);
        Assert.Empty(record.Joiners);
        Assert.Empty(record.Evicted);
    }

    [Fact]
    public void Outcomes_of_the_groups_own_operations_push_out_nobody_elses()
    {
        var record = Completed.AfterEnd(Outcome("mine"), OperationKind.Scale);
        for (var birth = 0; birth < 2 * OutcomeLog.Capacity; birth++)
            record = record.AfterEnd(Outcome($"birth {birth}"), OperationKind.Birth);
        Assert.Equal("mine", record.FindOutcome("mine")!.Id);
        for (var other = 0; other < OutcomeLog.Capacity; other++)
            record = record.AfterEnd(Outcome($"other {other}"), OperationKind.Leave);
        Assert.Null(record.FindOutcome("mine"));
        Assert.Equal((OutcomeLog.Capacity + 1, OutcomeLog.Capacity), (record.Requested.Count, record.Requested.Kept.Length));
    }

    private static OperationOutcome Outcome(string id) => new(id, true, "", new OperationFigures());
}
