using ElasticEp.Events;
using ElasticEp.Recorder;

namespace ElasticEp.Runtime;

/// <summary>Has a core handle events and records them, with what comes of them. Calls must not overlap.</summary>
/// <param name="core">The core.</param>
/// <param name="options">What it was made with.</param>
internal sealed class CoreRecorder(RankCore core, ElasticEpOptions options)
{
    private readonly FlightRecorder? _recorder = options.FlightRecorderEvents > 0 ? new FlightRecorder(options.FlightRecorderEvents) : null;

    /// <inheritdoc cref="RankCore.Handle"/>
    public IReadOnlyList<RankEffect> Handle(in RankEvent e, TimeSpan now)
    {
        if (_recorder is null)
            return core.Handle(e, now);
        _recorder.Begin(e, now);
        var effects = core.Handle(e, now);
        var (packed, fingerprint) = Describe(core, effects);
        _recorder.End(packed, fingerprint);
        return effects;
    }

    /// <summary>What is recorded; null when nothing is to be.</summary>
    public Dump? TakeDump(string group, string reason, DateTimeOffset at) => _recorder is null
        ? null
        : new Dump(group, core.Member.Self, Dump.CurrentRelease, reason, at, options, [.. _recorder.Copy()]);

    /// <summary>What a core wants done after an event, packed for people, and a digest of that and of its state: a core that is given the same again has the same.</summary>
    public static (ulong Packed, ulong Fingerprint) Describe(RankCore core, IReadOnlyList<RankEffect> effects)
    {
        var (packed, hash) = EffectDigest.Of(effects);
        var (member, coordinator) = (core.Member, core.Coordinator);
        hash = EffectDigest.Mix(hash, core.WakeAt?.Ticks ?? -1);
        hash = EffectDigest.Mix(EffectDigest.Mix(hash, member.View.Digest), member.Step);
        hash = EffectDigest.Mix(EffectDigest.Mix(hash, member.LastCompleted), member.Attempt);
        hash = EffectDigest.Mix(hash, (long)member.Phase | ((long)core.Preparation.State << 8) | (coordinator.IsActive ? 1L << 16 : 0));
        hash = EffectDigest.Mix(hash, (coordinator.Operation is { } operation ? (long)operation.Phase : -1) ^ (coordinator.Recovery is { } recovery ? ((long)recovery.Phase + 1) << 8 : 0));
        return (packed, Math.Max(1, hash)); // zero says that the core threw
    }
}
