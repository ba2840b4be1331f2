namespace ElasticEp;

/// <summary>What a rank has done since it started: a snapshot. All values only grow, so a window is the difference of two snapshots.</summary>
public sealed class RankStatistics
{
    internal RankStatistics()
    {
    }

    /// <summary>Steps that this rank completed.</summary>
    public long Steps { get; internal init; }

    /// <summary>Attempts beyond the first of a step.</summary>
    public long Retries { get; internal init; }

    /// <summary>Time from the begin of a step until it was complete on every rank; waiting for work does not count.</summary>
    public TimeSpan StepTime { get; internal init; }

    /// <summary>Part of <see cref="StepTime"/>: dispatch and combine, packing and summing, without waiting.</summary>
    public TimeSpan ExchangeTime { get; internal init; }

    /// <summary>Part of <see cref="StepTime"/>: waiting for frames of other ranks and for the ends of their steps. What is left is the app's own compute.</summary>
    public TimeSpan WaitTime { get; internal init; }

    /// <summary>View changes after which this rank ran a step.</summary>
    public long ViewChanges { get; internal init; }

    /// <summary>From the last step under the view before until the first under the present one began. Not a sum.</summary>
    public TimeSpan LastPause { get; internal init; }

    /// <summary>Frames of older attempts, and of processes that are not the member of their number, that were thrown away.</summary>
    public long StaleFrames { get; internal init; }

    /// <summary>Weight bytes received from peers.</summary>
    public long WeightBytesReceived { get; internal init; }

    /// <summary>Weight bytes read from the workload's own source.</summary>
    public long WeightBytesLoaded { get; internal init; }

    /// <summary>How long this rank waited for the frames of each other rank, those it never waited for left out.</summary>
    public IReadOnlyList<SourceWaitStatistics> Waits { get; internal init; } = [];

    /// <summary>The last recoveries that this rank has led, 16 at most, oldest first.</summary>
    public IReadOnlyList<RecoveryStatistics> Recoveries { get; internal init; } = [];

    /// <summary>(token, expert) pairs of this rank's tokens on completed steps, <c>[layers, experts]</c>.</summary>
    public ReadOnlyMemory<long> DispatchedRows { get; internal init; }

    /// <summary>Rows that came to this rank's experts on completed steps, <c>[layers, experts]</c>.</summary>
    public ReadOnlyMemory<long> ReceivedRows { get; internal init; }
}
