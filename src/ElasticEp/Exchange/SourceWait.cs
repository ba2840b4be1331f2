namespace ElasticEp.Exchange;

/// <summary>How long this rank waited for the frames of one source, so that a slow rank or link can be named.</summary>
/// <param name="Frames">Frames that came while a call waited; those that were there before cost nothing and are not counted.</param>
/// <param name="SumTicks">Sum of the waits, in ticks of the TimeProvider's timestamp.</param>
/// <param name="MaxTicks">The longest of them.</param>
internal readonly record struct SourceWait(long Frames, long SumTicks, long MaxTicks)
{
    public SourceWait Add(long ticks) => new(Frames + 1, SumTicks + ticks, Math.Max(MaxTicks, ticks));
}
