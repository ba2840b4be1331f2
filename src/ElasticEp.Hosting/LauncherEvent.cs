using ElasticEp.Protocol;
using ElasticEp.Scaling;

namespace ElasticEp.Hosting;

/// <summary>What the launcher service hears of; handled one at a time.</summary>
internal abstract record LauncherEvent
{
    public sealed record Record(GroupRecord Newest) : LauncherEvent;

    public sealed record Started(int Rank, RunningRank Running, ILaunchedRank? Handle, Exception? Failure) : LauncherEvent;

    public sealed record Ended(int Rank, RunningRank Running, string How) : LauncherEvent;

    public sealed record Stopped(int Rank, RunningRank Running) : LauncherEvent;

    public sealed record Retry(int Rank) : LauncherEvent;

    /// <summary>A process has been wanted no more since a moment, for as long as it may take to end by itself.</summary>
    public sealed record GraceOver(RunningRank Running, long Since) : LauncherEvent;
}
