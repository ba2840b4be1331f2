using ElasticEp.Events;

namespace ElasticEp.Recorder;

/// <summary>One event that a core was given, and what came of it.</summary>
/// <param name="Number">How many events the core had been given before.</param>
/// <param name="Now">The time, as the core was told.</param>
/// <param name="Event">The event.</param>
internal record struct RecordedEvent(long Number, TimeSpan Now, RankEvent Event)
{
    /// <summary>The effects, as <see cref="EffectDigest"/> packs them.</summary>
    public ulong Effects { get; set; }

    /// <summary>Digest of the effects and of the core's state after them; zero when the core has not come to an end with the event: it threw.</summary>
    public ulong Fingerprint { get; set; }
}
