using ElasticEp.Protocol;
using ElasticEp.Scaling;
using ElasticEp.Steps;
using ElasticEp.Tests.Membership;

namespace ElasticEp.Tests.Scaling;

/// <summary>Where a recovery goes on. View 2 [0 1 3] comes after view 1 [0 1 2]: rank 2 leaves, rank 3 joins.</summary>
public sealed class StartPointTests
{
    private static readonly GroupRecord Between = new(TestViews.View(2, 0, 1, 3), TestViews.View(1, 0, 1, 2));

    private readonly Dictionary<MemberId, StoppedMessage> _answers = [];
    private readonly HashSet<MemberId> _lost = [];

    [Fact]
    public void It_is_one_after_the_lowest_step_that_was_closed()
    {
        Answer(0, entered: 1, closed: 7);
        Answer(1, entered: 1, closed: 6);
        Answer(2, entered: 1, closed: 7);
        Assert.Equal(7, Start(Between));
    }

    [Fact]
    public void Who_has_entered_no_view_does_not_count()
    {
        Answer(0, entered: 1, closed: 7);
        Answer(3, entered: 0, closed: null);
        Assert.Equal(8, Start(Between));
    }

    [Fact]
    public void A_leaver_counts_while_nobody_has_gone_on_without_it()
    {
        Answer(0, entered: 1, closed: 7);
        Answer(1, entered: 1, closed: 7);
        Answer(2, entered: 1, closed: 6);
        Answer(3, entered: 2, closed: 7, closedEpoch: 0); // a joiner is let in before the members are
        Assert.Equal(7, Start(Between));
    }

    [Fact]
    public void A_leaver_that_stayed_behind_for_500_steps_does_not_pull_the_group_back()
    {
        Answer(0, entered: 2, closed: 507);
        Answer(1, entered: 2, closed: 507);
        Answer(2, entered: 1, closed: 7);
        Answer(3, entered: 2, closed: 507);
        Assert.Equal(508, Start(Between));
    }

    [Fact]
    public void That_a_joiner_has_closed_a_step_proves_that_the_group_has_gone_on()
    {
        Answer(2, entered: 1, closed: 7);
        Answer(3, entered: 2, closed: 507, closedEpoch: 2);
        Assert.Equal(508, Start(Between));
    }

    [Fact]
    public void What_a_member_answered_before_it_was_lost_is_evidence()
    {
        Answer(0, entered: 2, closed: 507);
        _lost.Add(TestViews.Id(0));
        Answer(2, entered: 1, closed: 7);
        Answer(3, entered: 2, closed: 507, closedEpoch: 0);
        Assert.Equal(508, Start(Between));
    }

    [Fact]
    public void When_all_members_are_new_and_have_begun_nothing_the_leavers_say_where_to_begin()
    {
        var replaced = new GroupRecord(TestViews.View(2, 4, 5), TestViews.View(1, 0, 1));
        Answer(0, entered: 2, closed: 7);
        Answer(1, entered: 1, closed: 7);
        Answer(4, entered: 0, closed: null);
        Assert.Equal(8, Start(replaced));
    }

    [Fact]
    public void It_is_never_before_the_step_that_an_earlier_recovery_decided()
    {
        var recovered = new GroupRecord(TestViews.Started(3, 9, 0, 1), TestViews.View(1, 0, 1, 2));
        Answer(3, entered: 0, closed: null);
        Assert.Equal(9, Start(recovered));
    }

    /// <summary>Those who know how far the group has gone are lost.</summary>
    [Fact]
    public void Joiners_that_are_left_alone_use_no_step_of_the_others_again()
    {
        _lost.UnionWith([TestViews.Id(0), TestViews.Id(1), TestViews.Id(2)]);
        Answer(3, entered: 0, closed: null);
        Assert.Equal(7 + StartPoint.MostAhead, Start(Between with { CommitStep = 7 }));
    }

    private void Answer(int rank, long entered, long? closed, long? closedEpoch = null) =>
        _answers[TestViews.Id(rank)] = new StoppedMessage(1, entered, closed, closedEpoch ?? entered, [], []);

    private long Start(GroupRecord record) => StartPoint.Of(record, _answers, _lost.Contains, StepRules.Default);
}
