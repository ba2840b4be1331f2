using ElasticEp.Events;
using ElasticEp.Protocol;
using ElasticEp.Scaling;
using ElasticEp.Tests.Membership;

namespace ElasticEp.Tests.Scaling;

public sealed class RecoveryTimerTests
{
    [Fact]
    public void The_parts_are_measured_by_the_rank_that_leads()
    {
        var probe = CoreProbe.Idle();
        After(probe, 10).LoseLink(1).AnswerRead();
        After(probe, 30).Lose(1);
        After(probe, 5).Write();
        After(probe, 7);
        probe.Step();
        var (view, times) = Assert.Single(probe.Of<ShowRecovery>());
        Assert.Equal(("view 2 [0]", 1L), ($"{view}", times.Number));
        Assert.Equal([30, 30, 5, 7], Of(times));
    }

    [Fact]
    public void A_recovery_that_begins_again_is_measured_from_its_first_begin()
    {
        var timer = new RecoveryTimer();
        timer.OnBegun(Ms(10));
        timer.OnStopped(TimeSpan.Zero, Ms(20));
        timer.OnWritten(2, Ms(25));
        timer.OnEntered(2);
        timer.OnBegun(Ms(30)); // its first step failed
        timer.OnStopped(Ms(4), Ms(40));
        timer.OnWritten(3, Ms(45));
        Assert.Null(timer.OnCompleted(2, Ms(46)));
        Assert.Equal([4, 30, 5, 3], Of(timer.OnCompleted(3, Ms(48))!));
        Assert.Null(timer.OnCompleted(3, Ms(50)));
    }

    [Fact]
    public void What_ends_without_a_view_is_forgotten()
    {
        var timer = new RecoveryTimer();
        timer.OnBegun(Ms(10));
        timer.Drop();
        timer.OnBegun(Ms(1_000));
        timer.OnStopped(TimeSpan.Zero, Ms(1_010));
        timer.OnWritten(2, Ms(1_015));
        timer.Drop(); // it does not coordinate the view that it has written
        timer.OnEntered(2);
        Assert.Equal([0, 10, 5, 5], Of(timer.OnCompleted(2, Ms(1_020))!));
    }

    [Fact]
    public void What_another_rank_has_led_is_its_to_tell()
    {
        var timer = new RecoveryTimer();
        timer.OnBegun(Ms(10));
        timer.OnEntered(2);
        Assert.Null(timer.OnCompleted(2, Ms(20)));
    }

    private static double[] Of(RecoveryStatistics times) => [times.Detect.TotalMilliseconds, times.Stop.TotalMilliseconds, times.Write.TotalMilliseconds, times.Start.TotalMilliseconds];

    private static TimeSpan Ms(double time) => TimeSpan.FromMilliseconds(time);

    private static CoreProbe After(CoreProbe probe, double milliseconds)
    {
        probe.Now += Ms(milliseconds);
        return probe;
    }
}
