using ElasticEp.Events;
using ElasticEp.Protocol;
using ElasticEp.Scaling;
using ElasticEp.Tests.Membership;

namespace ElasticEp.Tests.Scaling;

/// <summary>What is recorded when the first step of a view is complete, and who is told of it.</summary>
public sealed class CompletedWriteTests
{
    [Fact]
    public void The_end_of_an_operation_and_of_its_last_view_are_one_write()
    {
        var probe = CoreProbe.Idle().AdvanceTo(OperationPhase.Committed);
        Assert.Equal(1, probe.Record.LastCompleted!.Epoch);
        probe.Step();
        Assert.False(probe.Has<WriteRecord>());
        probe.Step();
        var record = Assert.Single(probe.Of<WriteRecord>()).Record;
        Assert.Equal((null, true, true), (record.Pending, record.IsCompleted, record.Requested.Kept[^1].IsCompleted));
        Assert.False(probe.Write().Has<WriteRecord>());
    }

    [Fact]
    public void A_leaver_that_was_evicted_is_not_told_that_its_view_is_Completed()
    {
        var probe = CoreProbe.Idle().AdvanceTo(OperationPhase.Committed, leaver: 1);
        probe.LoseLink(1).AnswerRead();
        probe.Lose(1).Write();
        Assert.Equal(("view 3 [0]", 1), ($"{probe.Record.View}", probe.Record.LastCompleted!.Epoch));
        Assert.Equal([TestViews.Id(1)], probe.Record.Evicted);
        probe.Step();
        Assert.Empty(probe.Write().Sent<CompletedMessage>());
        Assert.Empty(probe.Record.Evicted);
    }

    [Fact]
    public void An_operation_whose_joiner_was_lost_after_the_commit_completes_and_says_so()
    {
        var probe = CoreProbe.Idle().AdvanceTo(OperationPhase.Committed);
        probe.Step();
        probe.LoseLink(2).AnswerRead();
        probe.Message(1, new StoppedMessage(probe.Coordinator.Recovery!.Id, 2, probe.Core.Member.LastCompleted, 0, [TestViews.Id(0)], [TestViews.Id(0)]));
        probe.Lose(2).Write();
        Assert.Equal("view 3 [0 1]", $"{probe.Record.View}");
        probe.Step();
        probe.Write();
        Assert.Equal((true, "rank 2 was lost while the group switched"), (probe.Outcome.IsCompleted, probe.Outcome.Reason));
    }

    [Fact]
    public void Operations_of_the_groups_own_do_not_make_an_outcome_unknown()
    {
        var probe = CoreProbe.Idle().Request("seen", size: 2, endedBefore: 1);
        var record = probe.Record.AfterEnd(new OperationOutcome("seen", true, "", new OperationFigures()), OperationKind.Scale);
        for (var birth = 0; birth < 3 * OutcomeLog.Capacity; birth++)
            record = record.AfterEnd(new OperationOutcome($"birth {birth}", true, "", new OperationFigures()), OperationKind.Birth);
        probe.Overwrite(record);
        probe.AnswerRead();
        Assert.True(probe.Request("op", size: 3, endedBefore: 0).Has<WriteRecord>());
    }

    [Fact]
    public void What_was_refused_may_be_requested_again_under_the_same_id_by_another_call()
    {
        var probe = CoreProbe.Idle().Request("op", size: 3).Write();
        var refused = probe.Request("other", size: 4, call: 1).Sent<OperationReplyMessage>(-1).Single();
        Assert.Equal(((int)ElasticEpErrorCode.ScaleInProgress, 1), (refused.Code, refused.Call));
        probe.Cancel("op").Write();
        var accepted = probe.Request("other", size: 4, call: 2).Sent<OperationReplyMessage>(-1).Single();
        Assert.Equal((0, 2), (accepted.Code, accepted.Call));
        Assert.True(probe.Has<WriteRecord>());
    }
}
