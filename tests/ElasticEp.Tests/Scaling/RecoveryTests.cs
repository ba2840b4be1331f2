using ElasticEp.Events;
using ElasticEp.Protocol;
using ElasticEp.Scaling;
using ElasticEp.Steps;

namespace ElasticEp.Tests.Scaling;

/// <summary>A step fails while an operation is at some stage.</summary>
public sealed class RecoveryTests
{
    [Theory]
    [InlineData(nameof(OperationPhase.Gathering))]
    [InlineData(nameof(OperationPhase.Planning))]
    [InlineData(nameof(OperationPhase.Loading))]
    [InlineData(nameof(OperationPhase.Draining))]
    public void Before_the_commit_the_operation_goes_on_upon_the_recovered_view(string name)
    {
        var stage = Enum.Parse<OperationPhase>(name);
        var probe = CoreProbe.Idle().AdvanceTo(stage, leaver: stage == OperationPhase.Draining ? 1 : null);
        Recover(probe, epoch: 2);
        Assert.Equal((stage, 2, 0), (probe.Stage, probe.Core.Member.View.Epoch, probe.Sent<StartMessage>(1).Single().CommittedViews));
        if (stage >= OperationPhase.Loading)
            Assert.Equal(3, probe.Sent<PrepareMessage>(1).Single().Next.Epoch);
        Assert.Equal(stage == OperationPhase.Draining, probe.Sent<DrainMessage>(1).Any());
    }

    [Fact]
    public void A_commit_that_is_being_written_is_waited_for()
    {
        var probe = CoreProbe.Idle().AdvanceTo(OperationPhase.Committing);
        probe.Message(1, new StepFailedMessage(1, 1, -1, "test"));
        Assert.False(probe.Has(RankEffectKind.ReadRecord));
        probe.Effects.Clear();
        probe.Effects.Add(new RankEffect(RankEffectKind.WriteRecord) { Payload = probe.Record with { View = probe.Coordinator.Operation!.Next!, PreviousMembers = probe.Record.View.Members, Pending = probe.Coordinator.Operation.Pending } });
        probe.Write();
        Assert.Equal([1, 2], probe.Effects.Where(effect => effect.Payload is StopMessage { Epoch: 2 }).Select(effect => effect.Peer).Order());
    }

    [Fact]
    public void After_the_commit_everybody_of_both_views_is_started_in_the_new_one()
    {
        var probe = CoreProbe.Idle().AdvanceTo(OperationPhase.Committed);
        Recover(probe, epoch: 3, fresh: 2);
        Assert.Equal([0, 1, 2], probe.Core.Member.View.Members.Select(member => member.Rank));
        Assert.Equal(("op", 1), probe.Sent<StartMessage>(2).Select(start => (start.Operation, start.CommittedViews)).Single());
        probe.Step();
        Assert.True(probe.Write().Record.Last!.IsCompleted);
    }

    [Fact]
    public void The_group_goes_on_after_the_highest_step_that_anybody_completed()
    {
        var probe = CoreProbe.Idle();
        probe.Message(1, new StepFailedMessage(1, 2, -1, "test")).AnswerRead();
        probe.Message(1, new StoppedMessage(Recovery(probe), 7, false, [0])).Apply();
        Assert.Equal(8, probe.Record.View.StartStep);
    }

    [Fact]
    public void Fresh_joiners_do_not_count()
    {
        var probe = CoreProbe.Idle();
        probe.Message(1, new StepFailedMessage(1, 2, -1, "test")).AnswerRead();
        probe.Message(1, new StoppedMessage(Recovery(probe), 99, true, [0])).Apply();
        Assert.Equal(2, probe.Record.View.StartStep);
    }

    [Fact]
    public void A_member_that_cannot_reach_another_is_waited_for()
    {
        var probe = CoreProbe.Idle();
        probe.Message(1, new StepFailedMessage(1, 2, -1, "test")).AnswerRead();
        Assert.False(probe.Message(1, new StoppedMessage(Recovery(probe), 1, false, [])).Has(RankEffectKind.WriteRecord));
        Assert.True(probe.Message(1, new StoppedMessage(Recovery(probe), 1, false, [0])).Has(RankEffectKind.WriteRecord));
    }

    [Fact]
    public void A_lost_member_is_evicted_and_aborts_the_operation()
    {
        var probe = CoreProbe.Idle().AdvanceTo(OperationPhase.Loading);
        probe.Post(new RankEvent(RankEventKind.LinkLost) { Peer = 1, Number = 2, Payload = "reset" }).AnswerRead();
        probe.Post(new RankEvent(RankEventKind.RankLost) { Peer = 1, Number = 2, Payload = "dead" }).Write();
        Assert.Equal([0], probe.Core.Member.View.Members.Select(member => member.Rank));
        Assert.Contains("evicted", probe.Write().Record.Last!.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void The_loss_of_an_earlier_process_of_a_rank_evicts_nobody()
    {
        var probe = CoreProbe.Idle().Post(new RankEvent(RankEventKind.RankLost) { Peer = 1, Number = 1, Payload = "long ago" });
        Assert.Empty(probe.Effects);
        probe.Post(new RankEvent(RankEventKind.LinkLost) { Peer = 1, Number = 2 }).AnswerRead();
        Assert.False(probe.Post(new RankEvent(RankEventKind.RankLost) { Peer = 1, Number = 1 }).Has(RankEffectKind.WriteRecord));
    }

    [Fact]
    public void Another_process_under_the_number_of_a_lost_member_does_not_take_its_place()
    {
        var probe = CoreProbe.Idle().Post(new RankEvent(RankEventKind.LinkLost) { Peer = 1, Number = 2, Payload = "reset" }).AnswerRead();
        probe.Post(new RankEvent(RankEventKind.LinkUp) { Peer = 1, Number = 9 });
        Assert.Empty(probe.Sent<StopMessage>(1));
        probe.Post(new RankEvent(RankEventKind.RankLost) { Peer = 1, Number = 2, Payload = "dead" }).Write();
        Assert.Equal([0], probe.Record.View.Members.Select(member => member.Rank));
        Assert.Empty(probe.Sent<StartMessage>(1));
    }

    [Fact]
    public void A_member_leads_when_it_is_asked_although_it_does_not_coordinate()
    {
        var probe = CoreProbe.Idle(rank: 1);
        Assert.True(probe.Message(0, new StepFailedMessage(1, 2, -1, "test")).Has(RankEffectKind.ReadRecord));
        probe.AnswerRead();
        probe.Message(0, new StoppedMessage(Recovery(probe), 1, false, [1])).Write();
        Assert.Equal((2, MemberPhase.Due, false), (probe.Core.Member.View.Epoch, probe.Core.Member.Phase == MemberPhase.Running ? MemberPhase.Due : probe.Core.Member.Phase, probe.Coordinator.IsActive));
    }

    [Fact]
    public void A_record_that_was_read_before_the_present_view_is_read_again()
    {
        var probe = CoreProbe.Idle();
        probe.Message(1, new StepFailedMessage(1, 2, -1, "test"));
        var old = new GroupRecord(GroupView.None, [], null, null);
        Assert.True(probe.Post(new RankEvent(RankEventKind.RecordRead) { Payload = old, Number = probe.Version }).Has(RankEffectKind.ReadRecord));
        Assert.Single(probe.AnswerRead().Sent<StopMessage>(1));
    }

    [Fact]
    public void A_late_report_of_a_failure_that_is_mended_stops_nobody()
    {
        var probe = CoreProbe.Idle();
        Recover(probe, epoch: 2);
        Assert.Empty(probe.Message(1, new StepFailedMessage(1, 2, -1, "late")).Effects);
    }

    private static long Recovery(CoreProbe probe) => probe.Coordinator.Recovery!.Id;

    private static void Recover(CoreProbe probe, long epoch, int? fresh = null)
    {
        var isWaiting = probe.Core.Member.Phase == MemberPhase.Running;
        probe.Message(1, new StepFailedMessage(1, probe.Core.Member.Step, -1, "test")).AnswerRead();
        if (isWaiting)
            probe.Post(new RankEvent(RankEventKind.DelegateReturned) { Epoch = 1, Step = probe.Core.Member.Step, Payload = new OperationCanceledException() });
        if (fresh is { } joiner)
            probe.Message(joiner, new StoppedMessage(Recovery(probe), 0, true, [0, 1]));
        probe.Message(1, new StoppedMessage(Recovery(probe), probe.Core.Member.LastCompleted, false, [0, 2])).Write();
        Assert.Equal(epoch, probe.Record.View.Epoch);
    }
}
