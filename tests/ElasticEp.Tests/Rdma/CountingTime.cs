using Microsoft.Extensions.Time.Testing;

namespace ElasticEp.Tests.Rdma;

/// <summary>A clock that tests move, and that counts the waits that have begun.</summary>
internal sealed class CountingTime : FakeTimeProvider
{
    private readonly Lock _lock = new();
    private readonly List<(int Count, TaskCompletionSource Reached)> _waiting = [];
    private int _timers;

    /// <summary>How many have begun.</summary>
    public int Timers
    {
        get
        {
            lock (_lock)
                return _timers;
        }
    }

    /// <summary>Completes when so many have begun.</summary>
    public Task WaitForTimersAsync(int count)
    {
        lock (_lock)
        {
            if (_timers >= count)
                return Task.CompletedTask;
            var reached = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _waiting.Add((count, reached));
            return reached.Task;
        }
    }

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = base.CreateTimer(callback, state, dueTime, period);
        lock (_lock)
        {
            _timers++;
            foreach (var (_, reached) in _waiting.Where(waiting => waiting.Count <= _timers))
                reached.TrySetResult();
        }

        return timer;
    }
}
