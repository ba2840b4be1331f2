using ElasticEp.Runtime;
using Microsoft.Extensions.Time.Testing;

namespace ElasticEp.Tests.Runtime;

public sealed class CoreLagTests
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(250);

    private readonly FakeTimeProvider _time = new();
    private readonly CoreLag _lag;
    private int _asked;

    public CoreLagTests() => _lag = new CoreLag(() => _asked++, Interval, _time);

    [Fact]
    public void A_rank_that_answers_has_no_lag()
    {
        for (var beat = 1; beat <= 8; beat++)
        {
            Assert.Equal((TimeSpan.Zero, beat), (Next(Interval), _asked));
            _lag.OnAnswered();
            Assert.Equal(TimeSpan.Zero, _lag.Current);
        }
    }

    [Fact]
    public void It_grows_from_the_question_on_and_nothing_is_asked_twice()
    {
        Next(Interval);
        for (var beat = 1; beat <= 40; beat++)
            Assert.Equal((Interval * beat, 1), (Next(Interval), _asked));
        _lag.OnAnswered();
        Assert.Equal((TimeSpan.Zero, 2), (Next(Interval), _asked));
    }

    [Fact]
    public void The_time_for_which_the_whole_process_was_stopped_does_not_count()
    {
        Next(Interval);
        Next(Interval);
        Assert.Equal(Interval * 3, Next(TimeSpan.FromSeconds(30)));
    }

    private TimeSpan Next(TimeSpan after)
    {
        _time.Advance(after);
        return _lag.Measure();
    }
}
