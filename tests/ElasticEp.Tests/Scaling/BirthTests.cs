using ElasticEp.Events;
using ElasticEp.Membership;
using ElasticEp.Protocol;
using ElasticEp.Runtime;
using ElasticEp.Scaling;
using ElasticEp.Tests.Membership;
using ElasticEp.Tests.Simulation;

namespace ElasticEp.Tests.Scaling;

/// <summary>The first view.</summary>
public sealed class BirthTests
{
    [Fact]
    public void A_first_rank_that_is_started_again_is_in_the_first_view_as_the_process_that_is_there_now()
    {
        var probe = CoreProbe.Unborn().Register(1).LinkUp(1).Plan(0, 1);
        Assert.Equal(TestViews.Id(1), probe.Sent<PrepareMessage>(1).Single().Next.Find(1)!.Id);
        var again = new MemberId(1, TestViews.Id(1).Incarnation + 1);
        probe.Post(new RankRegistered(new GroupMember(1, again.Incarnation, "test:again")));
        Assert.Equal(again, probe.Of<Dial>().Single().Peer.Id);
        probe.Post(new LinkUp(again));
        var next = probe.Coordinator.Operation!.Next!;
        Assert.Equal(again, next.Find(1)!.Id);
        Assert.Contains(probe.Of<SendMessage>(), send => send.To == again && send.Message is PrepareMessage prepare && prepare.Next.Digest == next.Digest);
        probe.Fetched();
        Assert.False(probe.Report(1, PreparationState.Ready).Has<WriteRecord>()); // the process that is gone
        probe.Post(new MessageReceived(again, new PreparationMessage("@birth", PreparationState.Ready, next.Digest, 0, 0, "")));
        Assert.Equal(again, probe.Write().Record.View.Find(1)!.Id);
        Assert.Contains(probe.Of<SendMessage>(), send => send.To == again && send.Message is StartMessage);
    }

    [Fact]
    public void Rank_0_that_is_started_again_goes_on_with_the_birth_of_its_predecessor()
    {
        var first = CoreProbe.Unborn();
        Assert.NotNull(first.Record.Pending);
        var probe = CoreProbe.Reborn(first.Record);
        Assert.Single(probe.Of<WatchRanks>());
        Assert.False(probe.Has<WriteRecord>());
        probe.Register(0).Register(1).LinkUp(1).Plan(0, 1);
        Assert.Single(probe.Sent<PrepareMessage>(1));
        probe.Report(1, PreparationState.Ready);
        var view = probe.Fetched().Write().Record.View;
        Assert.Equal((1, 2), (view.Epoch, view.Members.Length));
    }

    [Fact]
    public void After_a_birth_that_has_failed_rank_0_that_is_started_again_tries_anew()
    {
        var first = CoreProbe.Unborn().Register(1).LinkUp(1).Plan(0, 1);
        first.Report(1, PreparationState.Fetching, "its disk is away").Write();
        Assert.Contains("its disk is away", first.Of<Fail>().Single().Reason, StringComparison.Ordinal);
        Assert.Single(first.Sent<AbortMessage>(1));
        Assert.False(first.Post(RankEvent.Tick).Has<WriteRecord>()); // not this process
        Assert.False(first.Record.Own.Kept.Single().IsCompleted);
        var probe = CoreProbe.Reborn(first.Record);
        Assert.Empty(probe.Of<WriteRecord>().Single().Record.Own.Kept); // so that nobody takes the outcome of before for that of this one
        probe.Write().Register(0).Register(1).LinkUp(1).Plan(0, 1);
        Assert.Single(probe.Sent<PrepareMessage>(1));
        probe.Report(1, PreparationState.Ready);
        Assert.Equal(1, probe.Fetched().Write().Record.View.Epoch);
    }

    /// <summary>The store was empty when it began, and the members have brought their record back meanwhile.</summary>
    [Fact]
    public void Who_leads_a_birth_and_sees_a_group_leads_it_no_more()
    {
        var probe = CoreProbe.Unborn().Register(1).LinkUp(1).Plan(0, 1);
        Assert.Equal("@birth", probe.Core.Preparation.Operation);
        probe.Overwrite(new GroupRecord(TestViews.View(1_048_577, 2)));
        Assert.True(probe.Post(new RecordSeen(probe.Record, probe.Version)).Has<ReadRecord>());
        probe.AnswerRead();
        Assert.Equal((false, null, ""), (probe.Coordinator.IsActive, probe.Coordinator.Operation, probe.Core.Preparation.Operation));
    }

    [Fact]
    public void A_first_rank_fails_when_its_group_cannot_be_formed_so_that_it_is_started_again()
    {
        var probe = CoreProbe.Fresh();
        probe.Message(0, new AbortMessage(OperationRequest.BirthId, "its disk is away"));
        Assert.Equal("The group could not be formed: its disk is away", probe.Of<Fail>().Single().Reason);
    }

    [Fact]
    public void A_first_view_that_is_made_anew_waits_for_every_process()
    {
        var probe = CoreProbe.Unborn().Register(1).LinkUp(1).Plan(0, 1);
        probe.Post(new RankUnregistered(TestViews.Id(1))).LoseLink(1);
        var self = new MemberId(0, TestViews.Id(0).Incarnation + 7);
        Assert.Empty(probe.Post(new RankRegistered(new GroupMember(0, self.Incarnation, "test:other"))).Sent<PrepareMessage>()); // somebody has started rank 0 twice
        var again = TestViews.Id(1) with { Incarnation = TestViews.Id(1).Incarnation + 7 };
        Assert.NotEmpty(probe.Post(new RankRegistered(new GroupMember(1, again.Incarnation, "test:again"))).Sent<PrepareMessage>(1));
    }

    [Theory]
    [InlineData(nameof(DialResult.Unreachable))]
    [InlineData(nameof(DialResult.Rejected))]
    [InlineData(nameof(DialResult.Refused))]
    public void A_first_rank_that_cannot_be_reached_is_waited_for(string result)
    {
        var probe = CoreProbe.Unborn().Register(1).LinkUp(1).Plan(0, 1).LoseLink(1);
        for (var waited = TimeSpan.Zero; waited <= CoreProbe.Options.ConnectDeadline; waited += CoreProbe.Options.HeartbeatInterval)
        {
            probe.Beat();
            if (probe.Of<Dial>().Any())
                probe.Post(new DialEnded(TestViews.Id(1), Enum.Parse<DialResult>(result), "test"));
        }

        Assert.True(probe.Core.Peers.IsLost(TestViews.Id(1)));
        Assert.Null(probe.Coordinator.Operation!.AbortReason);
        Assert.NotEmpty(probe.LinkUp(1).Sent<PrepareMessage>(1));
    }

    /// <summary>Its weights are in the slots of the placement that it was told first.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_first_rank_that_is_to_have_other_experts_loads_them(bool hasOthers)
    {
        var core = new RankCore(CoreProbe.Options, TestViews.Id(1));
        core.Handle(new LinkUp(TestViews.Id(0)), TimeSpan.Zero);
        core.Handle(new LinkUp(TestViews.Id(2)), TimeSpan.Zero);
        var view = TestViews.View(1, 0, 1, 2);
        Assert.Single(Prepare(view).OfType<Fetch>());
        core.Handle(new Fetched("@birth", view.Digest), TimeSpan.Zero);
        var again = new GroupView(1, 1, 0, view.Members, SimPlanner.Plan(view, ([0, 1, 2], hasOthers ? 1 : 0)).Placement);
        var effects = Prepare(again);
        Assert.Equal(hasOthers, effects.OfType<Rollback>().Any());
        core.Handle(new Fetched("@birth", view.Digest), TimeSpan.Zero); // of the first, which was under way when it was undone
        Assert.Equal(hasOthers ? PreparationState.Fetching : PreparationState.Ready, core.Preparation.State);
        if (hasOthers)
            Assert.Contains(core.Handle(new RolledBack("@birth"), TimeSpan.Zero), effect => effect.Control is Fetch { Plan.Next: var view } && view == again);

        List<ControlEffect> Prepare(GroupView next) => [.. core.Handle(
            new MessageReceived(TestViews.Id(0), new PrepareMessage("@birth", 0, BaseView.Of(GroupView.None), next, [], TimeSpan.Zero)), TimeSpan.Zero).Select(effect => effect.Control).OfType<ControlEffect>()];
    }

    [Fact]
    public void A_joiner_that_is_started_again_while_it_gets_ready_ends_the_operation_at_once()
    {
        var probe = CoreProbe.Idle().AdvanceTo(OperationPhase.Preparing);
        var again = TestViews.Id(2) with { Incarnation = TestViews.Id(2).Incarnation + 1 };
        probe.Post(new RankRegistered(new GroupMember(2, again.Incarnation, "test:again")));
        Assert.Contains("rank 2 was started again", probe.Write().Outcome.Reason, StringComparison.Ordinal);
    }
}
