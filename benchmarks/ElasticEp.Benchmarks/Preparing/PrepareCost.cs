using System.Diagnostics;

namespace ElasticEp.Benchmarks.Preparing;

/// <summary>What preparing a view has cost: time on the mailbox and elsewhere, memory, and bytes that are sent.</summary>
internal sealed class PrepareCost
{
    private readonly long _allocatedBefore = GC.GetAllocatedBytesForCurrentThread();

    public double MailboxTime { get; private set; }

    public double OtherTime { get; private set; }

    public long Sent { get; set; }

    public long Allocated { get; private set; }

    public T OnMailbox<T>(Func<T> work)
    {
        var startedAt = Stopwatch.GetTimestamp();
        var result = work();
        MailboxTime += Stopwatch.GetElapsedTime(startedAt).TotalMilliseconds;
        return result;
    }

    public T Elsewhere<T>(Func<T> work)
    {
        var startedAt = Stopwatch.GetTimestamp();
        var result = work();
        OtherTime += Stopwatch.GetElapsedTime(startedAt).TotalMilliseconds;
        return result;
    }

    public PrepareCost End()
    {
        Allocated = GC.GetAllocatedBytesForCurrentThread() - _allocatedBefore;
        return this;
    }
}
