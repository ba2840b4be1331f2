using ElasticEp.Scaling;

namespace ElasticEp.Hosting.Launching;

/// <summary>What <see cref="LaunchCore"/> wants done. Nothing follows from those of the second half but what operators read.</summary>
internal abstract record LaunchEffect
{
    /// <summary>Start a rank.</summary>
    public sealed record Start(RankLaunch Rank, long Launch) : LaunchEffect;

    /// <summary>Give up a start that has not ended yet: <see cref="LaunchEvent.Failed"/> comes soon, whatever the launcher does.</summary>
    public sealed record Cancel(int Rank, long Launch) : LaunchEffect;

    /// <summary>Stop a rank that runs.</summary>
    public sealed record Stop(int Rank, long Launch) : LaunchEffect;

    /// <summary>Send to the rank that coordinates, if it can be reached now; nothing is kept for later.</summary>
    public sealed record ReportLaunchFailure(MemberId Coordinator, string Operation, int Rank, string Reason) : LaunchEffect;

    /// <summary>A member that was not to leave has ended: report it to the others, which need not find out for themselves.</summary>
    public sealed record ReportProcessEnded(int Rank, int? ProcessId, string How) : LaunchEffect;

    /// <summary>The group cannot be formed.</summary>
    public sealed record GiveUp(string Reason) : LaunchEffect;

    /// <summary>A standby becomes a joiner.</summary>
    public sealed record Adopted(int Rank, string Operation) : LaunchEffect;

    /// <summary>A rank could not be started, or ended before it was admitted. It is started again after a delay; null: its operation fails.</summary>
    public sealed record NotStarted(int Rank, string Reason, TimeSpan? Delay) : LaunchEffect;

    /// <summary>A member has ended soon after its admission, as the one before it.</summary>
    public sealed record EndsSoon(int Rank, TimeSpan Delay) : LaunchEffect;

    /// <summary>A rank that nobody misses has ended.</summary>
    public sealed record Ended(int Rank) : LaunchEffect;
}
