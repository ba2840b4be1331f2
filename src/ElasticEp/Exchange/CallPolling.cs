using System.Diagnostics;

namespace ElasticEp.Exchange;

/// <summary>
/// Polls for what comes within microseconds: to hand a call to another thread takes as long. Only so many threads do at once that most
/// processors are left to others.
/// </summary>
/// <param name="most">Most threads that poll at once.</param>
internal sealed class CallPolling(int most)
{
    private int _count;

    /// <summary>That of this process: half of its processors without one. With two nobody polls.</summary>
    public static CallPolling OfProcess { get; } = new((Environment.ProcessorCount / 2) - 1);

    /// <summary>Whether anybody may poll.</summary>
    public bool IsPossible => most > 0;

    /// <summary>Returns when the lane is ready or its attempt has failed, or when the time is over; at once when others poll already.</summary>
    public void Wait(ExchangeLane lane, ExchangeStep step, TimeSpan time)
    {
        if (Interlocked.Increment(ref _count) <= most)
        {
            var since = Stopwatch.GetTimestamp(); // of the processor's time, not of the protocol's
            while (!lane.IsReady && step.Failure is null && Stopwatch.GetElapsedTime(since) < time)
                Thread.SpinWait(10);
        }

        Interlocked.Decrement(ref _count);
    }
}
