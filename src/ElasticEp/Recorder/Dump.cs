using System.Collections.Immutable;
using System.Reflection;

namespace ElasticEp.Recorder;

/// <summary>What a rank's core saw and did last. It holds no secret and nothing of what the app sends; addresses of peers and messages of exceptions it does.</summary>
/// <param name="Group">The group.</param>
/// <param name="Self">The rank's process.</param>
/// <param name="Release">Of the library that recorded it: only the same one is sure to replay it.</param>
/// <param name="Reason">Why it was written.</param>
/// <param name="At">When, in UTC.</param>
/// <param name="Options">What the core was given.</param>
/// <param name="Events">The events, by ascending number; some may be missing.</param>
internal sealed record Dump(string Group, MemberId Self, string Release, string Reason, DateTimeOffset At, ElasticEpOptions Options, ImmutableArray<RecordedEvent> Events)
{
    /// <summary>The release that runs now.</summary>
    public static string CurrentRelease { get; } = typeof(Dump).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "unknown";

    /// <summary>Whether every event since the core was made is here: then it can be replayed.</summary>
    public bool IsWhole => Events.IsEmpty || Events[^1].Number == Events.Length - 1;
}
