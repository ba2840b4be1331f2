using ElasticEp.Events;
using ElasticEp.Membership;
using ElasticEp.Protocol;
using ElasticEp.Scaling;
using ElasticEp.Tests.Membership;

namespace ElasticEp.Tests.Scaling;

/// <summary>Who goes on after a recovery of a view [0 1 2 3], as a leaver judges that leads.</summary>
public sealed class SurvivorsTests
{
    private static readonly GroupView View = TestViews.View(1, 0, 1, 2, 3);

    private readonly PeerCore _peers = new(CoreProbe.Options);
    private readonly Dictionary<MemberId, StoppedMessage> _answers = [];
    private readonly HashSet<MemberId> _givenUp = [];

    public SurvivorsTests()
    {
        _peers.Want(TestViews.Id(4), View, View.Members, TimeSpan.Zero, []);
        for (var rank = 0; rank < 4; rank++)
            Answer(rank, connected: [0, 1, 2, 3]);
    }

    [Fact]
    public void All_go_on_that_reach_each_other()
    {
        Assert.True(Judge().AreLinked);
        Assert.Null(Judge().FindCutOff());
    }

    /// <summary>A link works both ways or not at all, whoever says that it is down.</summary>
    [Fact]
    public void Of_two_that_do_not_reach_each_other_the_higher_rank_goes()
    {
        Answer(1, connected: [0, 3]);
        Assert.False(Judge().AreLinked);
        Assert.Equal((2, 1), CutOff());
    }

    [Fact]
    public void Who_reaches_fewest_goes()
    {
        Answer(1, connected: [0]);
        Assert.Equal(1, Judge().FindCutOff()!.Value.Member.Rank);
        Assert.Equal([2, 3], Judge().FindCutOff()!.Value.Unlinked.Select(other => other.Rank));
    }

    [Fact]
    public void A_lost_member_is_not_asked_whom_it_reaches()
    {
        Lose(3, LossReason.Stuck);
        Answer(3, connected: []);
        Assert.True(Judge().AreLinked);
        Assert.False(Judge().AnyUnreachable);
    }

    [Fact]
    public void A_silent_member_that_another_hears_lives_and_is_cut_off_unless_it_is_given_up()
    {
        Lose(3, LossReason.Silent);
        Answer(0, connected: [1, 2]);
        Answer(1, connected: [0, 2, 3], heard: [3]);
        Assert.True(Judge().AnyUnreachable);
        Assert.Equal((3, 0), CutOff());
        _givenUp.Add(TestViews.Id(3));
        Assert.False(Judge().AnyUnreachable);
    }

    [Theory]
    [InlineData(false, 1)] // a minority is silent
    [InlineData(false, 2, 3)] // half of them, and the lowest rank is here
    [InlineData(true, 0, 1)] // the other half
    [InlineData(true, 1, 2, 3)]
    public void Who_would_drop_the_larger_part_for_its_silence_may_be_cut_off_itself(bool may, params int[] silent)
    {
        foreach (var rank in silent)
            Lose(rank, LossReason.Silent);
        Assert.Equal(may, Judge().MayBeCutOff);
    }

    /// <summary>They may beat and yet not hear this side's Stop.</summary>
    [Fact]
    public void Who_gets_no_answer_from_the_larger_part_may_be_cut_off_itself()
    {
        Lose(1, LossReason.Silent);
        Lose(2, LossReason.Stuck);
        Assert.False(Judge().MayBeCutOff);
        Lose(3, LossReason.Stuck);
        Assert.True(Judge().MayBeCutOff);
    }

    /// <summary>What blocked all of them has blocked this one too: their next heartbeats may say that they are well.</summary>
    [Fact]
    public void Who_finds_the_larger_part_wedged_may_have_been_late_itself()
    {
        foreach (var rank in (int[])[1, 2, 3])
            Lose(rank, LossReason.Wedged);
        Assert.True(Judge().MayBeCutOff);
    }

    [Fact]
    public void Processes_that_have_ended_are_no_sign_of_being_cut_off()
    {
        foreach (var rank in (int[])[1, 2, 3])
            Lose(rank, LossReason.Refused);
        Assert.False(Judge().MayBeCutOff);
    }

    private Survivors Judge() => new(View, _peers, _answers, _givenUp);

    private (int Rank, int Other) CutOff() => (Judge().FindCutOff()!.Value.Member.Rank, Judge().FindCutOff()!.Value.Unlinked.Single().Rank);

    private void Answer(int rank, int[] connected, int[]? heard = null) =>
        _answers[TestViews.Id(rank)] = new StoppedMessage(1, 1, 1, 1, [.. connected.Select(TestViews.Id)], [.. (heard ?? connected).Select(TestViews.Id)]);

    private void Lose(int rank, LossReason reason)
    {
        _answers.Remove(TestViews.Id(rank));
        _peers.Report(TestViews.Id(rank), reason, "test", TimeSpan.Zero);
    }
}
