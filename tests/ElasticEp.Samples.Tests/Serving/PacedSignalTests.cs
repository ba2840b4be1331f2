using ElasticEp.Samples.Serving.Messages;

namespace ElasticEp.Samples.Tests.Serving;

/// <summary>Work that is done once a period while it is wanted.</summary>
public sealed class PacedSignalTests
{
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(1);

    private readonly WatchedTime _time = new();
    private readonly PacedSignal _signal;

    public PacedSignalTests() => _signal = new PacedSignal(Period, _time);

    [Fact]
    public async Task It_comes_a_period_after_it_was_wanted()
    {
        var wait = _signal.WaitAsync(CancellationToken.None);
        _signal.Set();
        await _time.FireAsync(Period - TimeSpan.FromTicks(1));
        Assert.False(wait.IsCompleted);
        _time.Advance(TimeSpan.FromTicks(1));
        await wait.WaitAsync(FakeGroup.Deadline, CancellationToken.None);
    }

    [Fact]
    public void Until_it_is_wanted_no_timer_is_set()
    {
        var wait = _signal.WaitAsync(CancellationToken.None);
        _time.Advance(100 * Period);
        Assert.False(wait.IsCompleted);
        Assert.Equal(0, _time.Timers);
    }

    [Fact]
    public async Task However_often_it_is_wanted_within_a_period_it_comes_once()
    {
        _signal.Set();
        var wait = _signal.WaitAsync(CancellationToken.None);
        _signal.Set();
        await _time.FireAsync(Period);
        await wait.WaitAsync(FakeGroup.Deadline, CancellationToken.None);
        Assert.False(_signal.WaitAsync(CancellationToken.None).IsCompleted);
        Assert.Equal(1, _time.Timers);
    }

    [Fact]
    public async Task What_is_wanted_after_it_came_counts_for_the_next_time()
    {
        for (var times = 1; times <= 3; times++)
        {
            _signal.Set();
            var wait = _signal.WaitAsync(CancellationToken.None);
            await _time.FireAsync(Period);
            await wait.WaitAsync(FakeGroup.Deadline, CancellationToken.None);
            Assert.Equal(times, _time.Timers);
        }
    }
}
