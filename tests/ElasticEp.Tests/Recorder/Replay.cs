using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using ElasticEp.Events;
using ElasticEp.Recorder;
using ElasticEp.Runtime;
using ElasticEp.Tests.Simulation;

namespace ElasticEp.Tests.Recorder;

/// <summary>
/// Gives the events of a dump to a new core, and compares after each what the core wants done and where it stands with what the rank's core
/// did. That needs all events since the rank began; of other dumps it makes the trace only.
/// </summary>
internal sealed partial class Replay
{
    private readonly StringBuilder _trace = new();
    private readonly Dump _dump;

    private Replay(Dump dump) => _dump = dump;

    /// <summary>The first event after which the core is not where the rank's core was; null when there is none.</summary>
    public string? Divergence { get; private set; }

    /// <summary>What the rank saw and did, for people: a line for each event.</summary>
    public string Trace => _trace.ToString();

    /// <summary>Events that were compared.</summary>
    public int Compared { get; private set; }

    public static Replay Run(Dump dump)
    {
        var replay = new Replay(dump);
        replay.WriteHead();
        if (dump.IsWhole)
            replay.Compare();
        else
            replay.WriteRecorded();
        return replay;
    }

    private void WriteHead()
    {
        _trace.AppendLine(CultureInfo.InvariantCulture, $"Group {_dump.Group}: {_dump.Self} {_dump.Reason}");
        _trace.AppendLine(CultureInfo.InvariantCulture, $"written at {_dump.At:O} by release {_dump.Release}; this is {Dump.CurrentRelease}");
        _trace.AppendLine(_dump.IsWhole ? "All events since the rank began are here." : "Earlier events are missing, so nothing can be compared; effects are named as the rank recorded them.");
    }

    private void Compare()
    {
        var core = new RankCore(_dump.Options, _dump.Self);
        foreach (var e in _dump.Events)
        {
            var phase = core.Member.Phase;
            IReadOnlyList<RankEffect> effects;
            try
            {
                effects = core.Handle(e.Event, e.Now);
            }
            catch (Exception exception)
            {
                WriteLine(e, SimTrace.Describe(phase, e.Event), [$"the core throws {exception}"]);
                if (e.Fingerprint != 0)
                    Diverge(e, $"the core throws {exception.GetType().Name} ({exception.Message}), and did not when it was recorded");
                return;
            }

            WriteLine(e, SimTrace.Describe(phase, e.Event), effects.Select(Describe));
            if (e.Fingerprint == 0)
            {
                Diverge(e, "the core threw when it was recorded, and does not now");
                return;
            }

            var (packed, fingerprint) = CoreRecorder.Describe(core, effects);
            if (packed != e.Effects)
                Diverge(e, $"the core wants [{Names(packed)}]; recorded are [{Names(e.Effects)}]");
            else if (fingerprint != e.Fingerprint)
                Diverge(e, $"the core wants [{Names(packed)}] as recorded, but with other contents, or it is in another state: {core.Member.Phase} {core.Member.View} step {core.Member.Step}, next at {core.WakeAt}");
            if (Divergence is not null)
                return;
            Compared++;
        }
    }

    private void WriteRecorded()
    {
        var next = _dump.Events[0].Number;
        foreach (var e in _dump.Events)
        {
            if (e.Number != next)
                _trace.AppendLine(CultureInfo.InvariantCulture, $"... {e.Number - next} events are missing");
            next = e.Number + 1;
            WriteLine(e, SimTrace.Describe(null, e.Event), e.Fingerprint == 0 ? ["the core threw"] : EffectDigest.Unpack(e.Effects));
        }
    }

    private void Diverge(in RecordedEvent e, string how)
    {
        Divergence = $"event {e.Number} ({e.Event.Name}, {e.Now.TotalSeconds.ToString("0.000000", CultureInfo.InvariantCulture)} s): {how}";
        _trace.AppendLine(CultureInfo.InvariantCulture, $"DIVERGES: {Divergence}");
    }

    private void WriteLine(in RecordedEvent e, string what, IEnumerable<string> effects)
    {
        _trace.AppendLine(CultureInfo.InvariantCulture, $"{e.Number,8} {e.Now.TotalSeconds,14:0.000000} s  {Shorten(what)}");
        foreach (var effect in effects)
            _trace.AppendLine(CultureInfo.InvariantCulture, $"{"",26}→ {Shorten(effect)}");
    }

    private static string Shorten(string text) => Collection().Replace(text, "[...]");

    /// <summary>What a collection says of itself is only its type.</summary>
    [GeneratedRegex(@"System\.(?:Collections\.Immutable\.ImmutableArray|ReadOnlyMemory)[`<][^,}]*")]
    private static partial Regex Collection();

    private static string Describe(RankEffect effect) => effect.Control?.ToString() ?? $"{effect.Kind} {effect.View} step {effect.Step}";

    private static string Names(ulong packed) => string.Join(' ', EffectDigest.Unpack(packed));
}
