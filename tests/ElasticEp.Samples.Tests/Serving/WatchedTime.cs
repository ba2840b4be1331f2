using System.Threading.Channels;
using Microsoft.Extensions.Time.Testing;

namespace ElasticEp.Samples.Tests.Serving;

/// <summary>Time that a test moves, and that tells of every timer that is set: who rests sets none.</summary>
internal sealed class WatchedTime : FakeTimeProvider
{
    private readonly Channel<bool> _set = Channel.CreateUnbounded<bool>();
    private int _timers;

    /// <summary>Timers that were set since the start.</summary>
    public int Timers => Volatile.Read(ref _timers);

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = base.CreateTimer(callback, state, dueTime, period);
        Interlocked.Increment(ref _timers);
        _set.Writer.TryWrite(true);
        return timer;
    }

    /// <summary>Waits until the next timer is set, and lets it fire after this time.</summary>
    public async Task FireAsync(TimeSpan after)
    {
        using var deadline = new CancellationTokenSource(FakeGroup.Deadline);
        await _set.Reader.ReadAsync(deadline.Token);
        Advance(after);
    }
}
