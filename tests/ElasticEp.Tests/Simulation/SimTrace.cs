using System.Globalization;
using System.Text;
using ElasticEp.Events;
using ElasticEp.Steps;

namespace ElasticEp.Tests.Simulation;

/// <summary>The last events, turned into text only when a seed fails.</summary>
internal sealed class SimTrace(SimClock clock)
{
    /// <summary>Events that a failure shows; <c>ELASTICEP_TRACE</c> asks for more.</summary>
    private static readonly int Kept = int.TryParse(Environment.GetEnvironmentVariable("ELASTICEP_TRACE"), CultureInfo.InvariantCulture, out var kept) ? kept : 64;

    private readonly Entry[] _entries = new Entry[Kept];
    private long _count;

    /// <summary>Heartbeats and timers are left out: they come for ever.</summary>
    public void Add(int rank, MemberPhase phase, in RankEvent e)
    {
        if (e.Kind != StepEventKind.Tick && e.Control is not BeatReceived)
            _entries[_count++ % Kept] = new Entry(clock.Now, rank, phase, e, null);
    }

    public void Note(int rank, string note) => _entries[_count++ % Kept] = new Entry(clock.Now, rank, default, default, note);

    public override string ToString()
    {
        var text = new StringBuilder();
        for (var i = Math.Max(0, _count - Kept); i < _count; i++)
        {
            var entry = _entries[i % Kept];
            text.Append(CultureInfo.InvariantCulture, $"{entry.Time,9} µs  rank {entry.Rank,2}  ");
            if (entry.Note is not null)
                text.AppendLine(entry.Note);
            else
                text.AppendLine(Describe(entry.Phase, entry.Event));
        }

        return text.ToString();
    }

    public static string Describe(MemberPhase? phase, in RankEvent e)
    {
        if (e.Control is { } control)
            return $"{phase,-8} ← {control}";
        var text = $"{phase,-8} ← {e.Kind} peer {e.Peer.Rank} epoch {e.Epoch} step {e.Step} work {e.HasWork}";
        return e.NextEpoch == 0 ? text : $"{text} next {e.NextEpoch}";
    }

    private readonly record struct Entry(long Time, int Rank, MemberPhase Phase, RankEvent Event, string? Note);
}
