using ElasticEp.Events;
using ElasticEp.Membership;
using ElasticEp.Protocol;
using ElasticEp.Runtime;
using ElasticEp.Tests.Membership;
using ElasticEp.Transport;

namespace ElasticEp.Tests.Runtime;

/// <summary>What a client says of a group of ranks 0 and 1 that hold two experts each, of three.</summary>
public sealed class GroupWatchTests
{
    private static readonly DateTimeOffset Noon = new(2026, 1, 1, 12, 0, 0, TimeSpan.Zero);
    private static readonly MemberId Client = new(-1, 99);
    private static readonly ElasticEpOptions Options = new() { SlotsPerRank = 2 };
    private static readonly GroupView View = Two(1, [0, 1], [1, 2]);

    private readonly PeerCore _peers = new(Options);
    private GroupWatch _watch;
    private readonly List<RankEffect> _effects = [];
    private TimeSpan _now;

    public GroupWatchTests() => _watch = new GroupWatch(Options, _peers);

    [Fact]
    public void Without_a_record_beside_processes_that_are_in_a_view_it_is_restoring()
    {
        _watch.OnRegistered(new RankRegistered(TestViews.Member(1), 4711, Epoch: 9));
        Assert.Equal(("restoring", false), (Read().Phase, Read().IsReady));
        Assert.Contains("rank 1 is in view 9", Read().Detail, StringComparison.Ordinal);
        _watch.OnRecord(new GroupRecord(TestViews.View(20, 1)), _now);
        Assert.NotEqual("restoring", Read().Phase);
    }

    [Fact]
    public void Without_a_view_it_is_forming_and_joiners_are_shown_from_their_registration_on()
    {
        Assert.Equal("forming", Read().Phase);
        _watch.OnRecord(new GroupRecord(GroupView.None, null, new PendingOperation(new OperationRequest("@birth", OperationKind.Birth), [0, 1], [0, 1], [])), _now);
        _watch.OnRegistered(new RankRegistered(TestViews.Member(1), 4711));
        var ranks = Read().Ranks;
        Assert.Equal([(0, RankCondition.Joining, null), (1, RankCondition.Joining, 4711)], ranks.Select(rank => (rank.Rank, rank.Condition, rank.ProcessId)));
        Assert.Equal([null, "address-of-1"], ranks.Select(rank => rank.Member is null ? null : $"address-of-{rank.Member.Rank}"));
    }

    [Fact]
    public void Processes_that_wait_are_standbys_with_what_they_hold_until_an_operation_wants_them()
    {
        Serve(View);
        _watch.OnRegistered(new RankRegistered(TestViews.Member(4), 4711)); // it has not begun
        Assert.Empty(Read().Standbys);
        _watch.OnRegistered(new RankRegistered(TestViews.Member(4), 4711, Standby: new StandbyState(true, new ExpertPlacement(3, [4], [[[0, 2]]]), 2)));
        var standby = Assert.Single(Read().Standbys);
        Assert.Equal((4, RankCondition.Standby, "dense weights held, 2 of 2 experts", 4711), (standby.Rank, standby.Condition, standby.Reason, standby.ProcessId));
        Assert.Equal([0, 1], Read().Ranks.Select(rank => rank.Rank));
        _watch.OnRecord(new GroupRecord(View, null, new PendingOperation(new OperationRequest("op", OperationKind.Scale), [0, 1, 4], [4], [])), _now);
        Assert.Empty(Read().Standbys);
        Assert.Equal((4, RankCondition.Joining), (Read().Ranks[2].Rank, Read().Ranks[2].Condition));
    }

    [Fact]
    public void Who_was_a_member_once_is_no_standby()
    {
        _watch.OnRegistered(new RankRegistered(TestViews.Member(1), 4711, Standby: new StandbyState(true, ExpertPlacement.Empty, 2)));
        Serve(View);
        Assert.Empty(Read().Standbys);
        _watch.OnRecord(new GroupRecord(TestViews.View(2, 0)), _now);
        Assert.Empty(Read().Standbys);
    }

    [Fact]
    public void Members_that_are_heard_serve()
    {
        Serve(View);
        var status = Read();
        Assert.Equal(("serving", true, Noon), (status.Phase, status.IsReady, status.Since));
        Assert.Equal([(RankCondition.Serving, Noon, ""), (RankCondition.Serving, Noon, "")], status.Ranks.Select(rank => (rank.Condition, rank.Since, rank.Reason)));
    }

    [Fact]
    public void A_killed_rank_without_which_the_others_cannot_hold_every_expert_is_named()
    {
        Serve(View);
        After(1);
        Kill(1);
        _now += Options.HeartbeatInterval;
        Beat(0, 6, RankActivity.HasStep); // the step before the loss, or one after it: nobody knows yet
        Assert.Equal("degraded", Read().Phase);
        After(1);
        Beat(0, 6, RankActivity.HasStep | RankActivity.IsRecovering);
        var status = Read();
        Assert.Equal(("waiting", false, Noon.AddSeconds(1)), (status.Phase, status.IsReady, status.Since));
        Assert.Equal((RankCondition.Lost, Noon.AddSeconds(1)), (status.Ranks[1].Condition, status.Ranks[1].Since));
        Assert.Contains("rank 1 is lost (Refused: nobody listens), and 1 ranks of SlotsPerRank = 2 cannot hold 3 experts", status.Detail, StringComparison.Ordinal);
        Assert.Equal($"No view can change: {status.Detail}.", status.Obstacle);
    }

    [Fact]
    public void A_killed_rank_without_which_the_others_can_go_on_makes_no_obstacle()
    {
        _watch = new GroupWatch(new ElasticEpOptions { SlotsPerRank = 3 }, _peers);
        Serve(View);
        After(1);
        Kill(1);
        Beat(0, 5, RankActivity.HasStep | RankActivity.IsRecovering);
        var status = Read();
        Assert.Equal(("degraded", true, null), (status.Phase, status.IsReady, status.Obstacle));
        Assert.Equal(RankCondition.Lost, status.Ranks[1].Condition);
    }

    [Fact]
    public void Ranks_that_load_lost_experts_again_are_repairing_until_they_have_them()
    {
        Serve(View);
        After(1);
        _watch.OnRecord(new GroupRecord(Two(2, [0, 1], [1, 2]), View) { Reloading = [1] }, _now);
        Beat(0, 5, RankActivity.HasStep);
        Beat(1, 5, RankActivity.HasStep | RankActivity.IsReloading);
        var status = Read();
        Assert.Equal(("repairing", true, Noon.AddSeconds(1)), (status.Phase, status.IsReady, status.Since));
        Assert.Equal([RankCondition.Serving, RankCondition.Repairing], status.Ranks.Select(rank => rank.Condition));
        After(Options.StallTime.TotalSeconds);
        Beat(0, 5, RankActivity.HasStep);
        Beat(1, 5, RankActivity.HasStep | RankActivity.IsReloading);
        Assert.False(Read().IsReady);
        Beat(1, 5, RankActivity.HasStep);
        Assert.Equal("serving", Read().Phase);
    }

    [Fact]
    public void A_group_that_could_not_be_formed_says_why()
    {
        _watch.OnRecord(GroupRecord.Unborn with { Own = OutcomeLog.Empty.Add(new OperationOutcome(OperationRequest.BirthId, false, "rank 1 failed to fetch its weights: its disk is away", new OperationFigures())) }, _now);
        Assert.Equal(("forming", "the group has no view yet; the last attempt failed: rank 1 failed to fetch its weights: its disk is away. Start the first ranks again when the cause is gone"), (Read().Phase, Read().Detail));
    }

    [Fact]
    public void A_rank_that_claims_a_step_far_ahead_does_not_hide_that_the_others_get_on()
    {
        Serve(View);
        Beat(1, 1L << 62, RankActivity.HasStep);
        for (var step = 6; step < 20; step++)
        {
            After(1);
            Beat(0, step, RankActivity.HasStep);
            Beat(1, 1L << 62, RankActivity.HasStep);
            Assert.Equal("serving", Read().Phase);
        }
    }

    [Fact]
    public void Under_Fail_a_group_that_loads_lost_experts_again_is_ready_as_long_as_steps_go_on()
    {
        _watch = new GroupWatch(new ElasticEpOptions { SlotsPerRank = 2, LostExperts = LostExpertsPolicy.Fail }, _peers);
        Serve(View);
        After(1);
        _watch.OnRecord(new GroupRecord(Two(2, [0, 1], [1, 2]), View) { Reloading = [1] }, _now);
        for (var step = 5; step < 15; step++)
        {
            After(1);
            Beat(0, step, RankActivity.HasStep);
            Beat(1, step, RankActivity.HasStep | RankActivity.IsReloading, "the disk is away");
            Assert.Equal(("repairing", true), (Read().Phase, Read().IsReady));
        }

        Assert.Equal("rank 1 loads experts again whose last copies were lost; requests that need them fail until they are here, and no view changes; rank 1: the disk is away", Read().Detail);
        After(Options.StallTime.TotalSeconds);
        Beat(0, 14, RankActivity.HasStep);
        Beat(1, 14, RankActivity.HasStep | RankActivity.IsReloading);
        Assert.Equal(("stalled", false), (Read().Phase, Read().IsReady));
        Beat(0, 14, RankActivity.None);
        Beat(1, 14, RankActivity.IsReloading); // nobody has work
        Assert.Equal(("repairing", true), (Read().Phase, Read().IsReady));
    }

    [Fact]
    public void A_repairing_rank_says_what_keeps_it_from_loading_for_as_long_as_it_does()
    {
        Serve(View);
        _watch.OnRecord(new GroupRecord(Two(2, [0, 1], [1, 2]), View) { Reloading = [1] }, _now);
        Beat(0, 5, RankActivity.HasStep);
        Beat(1, 5, RankActivity.HasStep | RankActivity.IsReloading, "the disk is away");
        Assert.Equal("rank 1 loads experts again whose last copies were lost; steps go on when they are here; rank 1: the disk is away", Read().Detail);
        Assert.Equal((RankCondition.Repairing, "it loads experts from the workload's source, because their last copies were lost: the disk is away"), (OfRank(1).Condition, OfRank(1).Reason));
        Beat(1, 5, RankActivity.HasStep | RankActivity.IsReloading);
        Assert.DoesNotContain("disk", Read().Detail, StringComparison.Ordinal);
    }

    [Fact]
    public void A_rank_that_cannot_stop_because_a_hook_does_not_return_names_the_hook()
    {
        Serve(View);
        Beat(1, 5, RankActivity.HasStep | RankActivity.IsStopping, "its workload's LoadExpertAsync has not returned within 10 s");
        After(2);
        Beat(1, 5, RankActivity.HasStep | RankActivity.IsStopping, "its workload's LoadExpertAsync has not returned within 10 s");
        Assert.Equal((RankCondition.Suspected, "it was told to stop its step 2.0 s ago, and its workload's LoadExpertAsync has not returned within 10 s"), (OfRank(1).Condition, OfRank(1).Reason));
    }

    [Fact]
    public void A_rank_that_only_this_client_does_not_reach_holds_nobody_up()
    {
        Serve(View);
        Kill(1);
        for (var step = 6; step < 20; step++)
        {
            After(0.5);
            Beat(0, step, RankActivity.HasStep);
        }

        var status = Read();
        Assert.Equal(("degraded", true, null), (status.Phase, status.IsReady, status.Obstacle));
        Assert.Contains("rank 1 is lost", status.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public void A_rank_of_which_nothing_is_heard_is_suspected_and_then_lost()
    {
        Serve(View);
        After(1.25);
        Beat(0, 5, RankActivity.None);
        Assert.Equal((RankCondition.Suspected, Noon, "no heartbeat for 1.3 s"), OfRank(1));
        After(0.5);
        Beat(0, 5, RankActivity.None); // the group rests
        Assert.Equal((RankCondition.Lost, Noon, "no heartbeat for 1.8 s"), OfRank(1));
        After(5);
        Beat(0, 5, RankActivity.None);
        Assert.Equal(("degraded", true), (Read().Phase, Read().IsReady)); // its peer does not recover: it may be this client alone that hears nothing
        Beat(0, 5, RankActivity.IsRecovering);
        Assert.Equal("waiting", Read().Phase);
        Beat(1, 5, RankActivity.None);
        Assert.Equal((RankCondition.Serving, Noon.AddSeconds(6.75), ""), OfRank(1));
    }

    [Fact]
    public void A_client_that_was_late_itself_suspects_nobody_for_it()
    {
        Serve(View);
        _watch.OnAlive(_now);
        After(60); // it was stopped
        _watch.OnAlive(_now);
        Assert.Equal((RankCondition.Serving, Noon, ""), OfRank(1));
        After(0.5);
        _watch.OnAlive(_now);
        After(0.5);
        _watch.OnAlive(_now);
        Assert.Equal((RankCondition.Suspected, Noon.AddSeconds(60), "no heartbeat for 1.0 s"), OfRank(1));
    }

    [Fact]
    public void A_group_with_work_that_completes_no_step_is_stalled_after_the_stall_time()
    {
        Serve(View);
        After(60); // it rests: that is no stall
        BeatBoth(5, RankActivity.None);
        Assert.True(Read().IsReady);
        BeatBoth(5, RankActivity.HasStep);
        After(4.9);
        BeatBoth(5, RankActivity.HasStep);
        Assert.True(Read().IsReady);
        After(0.1);
        BeatBoth(5, RankActivity.HasStep | RankActivity.IsRecovering);
        var status = Read();
        Assert.Equal(("stalled", false, Noon.AddSeconds(60)), (status.Phase, status.IsReady, status.Since));
        Assert.Contains("rank 0, 1 is to run a step again", status.Detail, StringComparison.Ordinal);
        BeatBoth(6, RankActivity.HasStep);
        Assert.Equal(("serving", true), (Read().Phase, Read().IsReady));
    }

    [Fact]
    public void A_rank_whose_delegate_does_not_end_when_it_is_to_stop_is_suspected()
    {
        Serve(View);
        Beat(1, 5, RankActivity.HasStep | RankActivity.IsRecovering | RankActivity.IsStopping);
        for (var i = 0; i < 4; i++)
        {
            After(0.5);
            Beat(0, 5, RankActivity.HasStep | RankActivity.IsRecovering);
            Beat(1, 5, RankActivity.HasStep | RankActivity.IsRecovering | RankActivity.IsStopping);
        }

        Assert.Equal((RankCondition.Suspected, Noon, "it was told to stop its step 2.0 s ago, and its delegate has not ended"), OfRank(1));
        Assert.Equal(RankCondition.Serving, Read().Ranks[0].Condition);
    }

    [Fact]
    public void A_leaver_is_shown_until_the_view_without_it_is_completed()
    {
        Serve(View);
        _watch.OnRecord(new GroupRecord(View, null, new PendingOperation(new OperationRequest("a", OperationKind.Scale), [0], [], [1])), _now);
        Assert.Equal(RankCondition.Leaving, Read().Ranks[1].Condition);
        var without = new GroupView(2, 0, 0, [TestViews.Member(0)], new ExpertPlacement(3, [0], [[[0, 1, 2]]]));
        _watch.OnRecord(new GroupRecord(View).WithNext(without), _now);
        Assert.Equal([RankCondition.Serving, RankCondition.Leaving], Read().Ranks.Select(rank => rank.Condition));
        _watch.OnRecord(new GroupRecord(without), _now);
        Assert.Equal([0], Read().Ranks.Select(rank => rank.Rank));
    }

    [Fact]
    public void A_record_that_cannot_be_read_is_said()
    {
        _watch.OnUnreadable("it has version 9", _now);
        Assert.Equal(("unreadable", false), (Read().Phase, Read().IsReady));
        Serve(View);
        Assert.Equal("serving", Read().Phase);
        After(1);
        BeatBoth(6, RankActivity.HasStep);
        _watch.OnUnreadable("it has version 9", _now);
        var status = Read();
        Assert.Equal(("degraded", true, Noon.AddSeconds(1)), (status.Phase, status.IsReady, status.Since));
        Assert.Contains("it has version 9", status.Obstacle, StringComparison.Ordinal);
    }

    private void Serve(GroupView view)
    {
        _watch.OnRecord(new GroupRecord(view), _now);
        _peers.Want(Client, GroupView.None, view.Members, _now, _effects);
        foreach (var member in view.Members)
            _peers.OnUp(member.Id, _now);
        BeatBoth(5, RankActivity.None);
    }

    private void Kill(int rank)
    {
        _peers.OnDown(new LinkLost(TestViews.Id(rank), DisconnectReason.Reset, "reset"), _now, _effects);
        _peers.OnDialEnded(new DialEnded(TestViews.Id(rank), DialResult.Refused, "nobody listens"), _now, _effects);
    }

    private void BeatBoth(long step, RankActivity activity)
    {
        Beat(0, step, activity);
        Beat(1, step, activity);
    }

    private void Beat(int rank, long step, RankActivity activity, string trouble = "")
    {
        _peers.OnBeat(TestViews.Id(rank), TimeSpan.Zero, _now);
        _watch.OnBeat(TestViews.Id(rank), step, activity, trouble, _now);
    }

    private void After(double seconds) => _now += TimeSpan.FromSeconds(seconds);

    private GroupStatus Read() => _watch.Read(_now, Noon + _now);

    private (RankCondition Condition, DateTimeOffset Since, string Reason) OfRank(int rank) => (Read().Ranks[rank].Condition, Read().Ranks[rank].Since, Read().Ranks[rank].Reason);

    private static GroupView Two(long epoch, int[] first, int[] second) =>
        new(epoch, 0, 0, [TestViews.Member(0), TestViews.Member(1)], new ExpertPlacement(3, [0, 1], [[first, second]]));
}
