using ElasticEp.Events;
using ElasticEp.Protocol;
using ElasticEp.Tests.Membership;

namespace ElasticEp.Tests.Scaling;

/// <summary>A recovery that has to begin again, or to be finished by another rank.</summary>
public sealed class RecoveryLeadTests
{
    [Fact]
    public void A_failure_in_a_later_view_than_the_recovery_knows_makes_it_begin_again()
    {
        var probe = CoreProbe.Idle();
        probe.Message(1, new StepFailedMessage(1, 2, null, "test")).AnswerRead();
        var first = probe.Coordinator.Recovery!.Id;
        Assert.True(probe.Message(1, new StepFailedMessage(2, 3, null, "test")).Has<ReadRecord>());
        Assert.False(probe.Message(1, new StoppedMessage(first, 1, 1, 1, [TestViews.Id(0)])).Has<WriteRecord>()); // an answer to the one before
        probe.Overwrite(probe.Record.WithNext(TestViews.Started(2, 3, 0, 1)));
        var stop = probe.AnswerRead().Sent<StopMessage>(1).Single();
        Assert.Equal(2, stop.Epoch);
        Assert.NotEqual(first, stop.Recovery);
    }

    [Fact]
    public void Who_takes_over_a_recovered_view_starts_it_again()
    {
        var probe = Successor(isCompleted: false);
        Assert.Equal((2, 2), probe.Sent<StartMessage>(2).Select(start => (start.View.Epoch, start.Step)).Single());
        Assert.Empty(probe.Sent<StartMessage>(0)); // it was evicted
        Assert.Empty(probe.Sent<StartMessage>(1)); // this rank itself
    }

    [Fact]
    public void Who_takes_over_a_Completed_view_starts_nobody() => Assert.Empty(Successor(isCompleted: true).Sent<StartMessage>());

    /// <summary>Rank 1, which coordinates view 2 [1 2] after rank 0 was evicted, and has read the record.</summary>
    private static CoreProbe Successor(bool isCompleted)
    {
        var view = TestViews.Started(2, 2, 1, 2);
        var probe = CoreProbe.Idle(rank: 1);
        probe.Message(0, new StartMessage(view, 2, "", 0));
        Assert.True(probe.Coordinator.IsActive && probe.Has<ReadRecord>());
        var record = probe.Record.WithNext(view) with { Evicted = [TestViews.Id(0)] };
        probe.Overwrite(isCompleted ? record.AfterCompletion() : record);
        return probe.AnswerRead();
    }
}
