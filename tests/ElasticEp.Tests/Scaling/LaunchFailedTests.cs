using ElasticEp.Events;
using ElasticEp.Protocol;
using ElasticEp.Scaling;
using ElasticEp.Tests.Simulation;

namespace ElasticEp.Tests.Scaling;

/// <summary>A launcher reports a joiner that it could not start until the record shows that it has been understood.</summary>
public sealed class LaunchFailedTests
{
    private static readonly LaunchFailedMessage Failed = new("op", 2, "no memory");

    [Fact]
    public void It_rolls_the_operation_back_and_coming_again_it_does_nothing()
    {
        var probe = CoreProbe.Idle().AdvanceTo(OperationPhase.Gathering).Message(-1, Failed);
        Assert.True(probe.Has<WriteRecord>());
        probe.Apply();
        Assert.Empty(probe.Message(-1, Failed).Effects);
        probe.Post(new RecordWritten(probe.Stamp, true, null, probe.Version));
        Assert.Equal((null, false, "rank 2 could not be launched: no memory"), (probe.Record.Pending, probe.Outcome.IsCompleted, probe.Outcome.Reason));
        Assert.Empty(probe.Message(-1, Failed).Effects);
    }

    [Fact]
    public void After_the_commit_it_takes_nothing_back()
    {
        var probe = CoreProbe.Idle().AdvanceTo(OperationPhase.Planning);
        probe.Plan(SimPlanner.Plan(probe.Record.View, ([0, 1, 2], 0), ([0, 1, 2], 1))).FetchEverywhere();
        probe.Write();
        Assert.Equal((OperationPhase.Committed, true), (probe.Phase, probe.Coordinator.Operation!.CanBeGivenUp));
        probe.Message(-1, Failed);
        Assert.Null(probe.Coordinator.Operation!.AbortReason);
    }

    [Fact]
    public void A_rank_that_is_not_to_join_is_nobody_to_wait_for()
    {
        var probe = CoreProbe.Idle().AdvanceTo(OperationPhase.Gathering).Message(-1, Failed with { Rank = 3 });
        Assert.Null(probe.Coordinator.Operation!.AbortReason);
    }

    [Fact]
    public void Who_takes_over_does_not_count_it_before_the_record_is_known_and_does_when_it_comes_again()
    {
        var before = CoreProbe.Idle().AdvanceTo(OperationPhase.Gathering);
        var successor = CoreProbe.Idle(rank: 1);
        successor.Overwrite(before.Record);
        successor.LoseLink(0);
        successor.Lose(0);
        Assert.Empty(successor.Message(-1, Failed).Effects);
        successor.AnswerRead();
        successor.Write(); // the recovered view
        Assert.Null(successor.Coordinator.Operation?.AbortReason);
        successor.Step();
        successor.Message(-1, Failed);
        Assert.Equal("rank 2 could not be launched: no memory", successor.Coordinator.Operation!.AbortReason);
    }
}
