using ElasticEp.Events;

namespace ElasticEp.Recorder;

/// <summary>
/// Keeps the last events of a core for a <see cref="Dump"/>, and of those before the ones that are neither steps, ticks, heartbeats nor
/// progress of a fetch. Calls must not overlap. An event costs some tens of nanoseconds and no allocation.
/// </summary>
/// <param name="capacity">Events that are kept; a tenth as many are of before.</param>
internal sealed class FlightRecorder(int capacity)
{
    /// <summary>What the kept events may hold on to, as if none shared anything with another or with the core: messages and records carry whole views.</summary>
    public const long MostBytes = 32 << 20;

    private readonly EventRing _recent = new(capacity);
    private readonly EventRing _earlier = new(Math.Max(1, capacity / 10)); // fallen out of the other one; without what comes in crowds
    private long _count;
    private long _bytes;

    /// <summary>An event is about to be handled.</summary>
    public void Begin(in RankEvent e, TimeSpan now)
    {
        if (_recent.IsFull)
            RetireOldest();
        _recent.Add(new RecordedEvent(_count++, now, e.Failure is null ? e : e.WithFailure(RecordedFailure.Of(e.Failure))));
        _bytes += SizeOf(e);
        while (_bytes > MostBytes && _recent.Count > 1)
            Forget(_earlier.Count > 0 ? _earlier : _recent);
    }

    /// <summary>It has been handled.</summary>
    /// <param name="effects">What came of it, packed by <see cref="EffectDigest"/>.</param>
    /// <param name="fingerprint">Digest of the effects and of the state.</param>
    public void End(ulong effects, ulong fingerprint)
    {
        ref var last = ref _recent.Last;
        (last.Effects, last.Fingerprint) = (effects, fingerprint);
    }

    /// <summary>A copy of what is kept, the oldest first.</summary>
    public RecordedEvent[] Copy()
    {
        var events = new RecordedEvent[_earlier.Count + _recent.Count];
        for (var i = 0; i < _earlier.Count; i++)
            events[i] = _earlier[i];
        for (var i = 0; i < _recent.Count; i++)
            events[_earlier.Count + i] = _recent[i];
        return events;
    }

    private void RetireOldest()
    {
        ref var oldest = ref _recent.First;
        if (oldest.Event.Control is null or BeatReceived or FetchProgress)
        {
            Forget(_recent);
            return;
        }

        if (_earlier.IsFull)
            Forget(_earlier);
        _earlier.Add(oldest);
        _recent.RemoveFirst();
    }

    private void Forget(EventRing ring)
    {
        _bytes -= SizeOf(ring.First.Event);
        ring.RemoveFirst();
    }

    private static long SizeOf(in RankEvent e) => e.Control is null ? 0 : EventSize.Of(e.Control);
}
