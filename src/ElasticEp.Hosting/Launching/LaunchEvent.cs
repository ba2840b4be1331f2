using ElasticEp.Protocol;

namespace ElasticEp.Hosting.Launching;

/// <summary>
/// What <see cref="LaunchCore"/> is told. What becomes of a launch carries its number: of one that has been given up in the meantime it is
/// ignored.
/// </summary>
internal abstract record LaunchEvent
{
    /// <summary>The present record, or a newer one.</summary>
    public sealed record Record(GroupRecord Newest) : LaunchEvent;

    /// <summary>Its process or host runs.</summary>
    public sealed record Started(int Rank, long Launch) : LaunchEvent;

    /// <summary>A process of the rank has registered in the store, or registers again: it can be admitted.</summary>
    public sealed record Registered(MemberId Process) : LaunchEvent;

    /// <summary>It could not be started, or its start was cancelled.</summary>
    public sealed record Failed(int Rank, long Launch, string Reason) : LaunchEvent;

    /// <summary>It is gone, by itself or because it was stopped.</summary>
    public sealed record Ended(int Rank, long Launch, int? ProcessId, string How) : LaunchEvent;

    /// <summary>It was stopped. With a failure it could not be, and may still run: it counts until it has ended.</summary>
    public sealed record Stopped(int Rank, long Launch, string? Failure = null) : LaunchEvent;

    /// <summary>The launcher's host stops, and its group with it.</summary>
    public sealed record HostStops : LaunchEvent;

    /// <summary>The time of <see cref="LaunchCore.WakeAt"/> has come.</summary>
    public sealed record Tick : LaunchEvent;
}
