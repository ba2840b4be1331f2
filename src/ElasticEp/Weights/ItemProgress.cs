namespace ElasticEp.Weights;

/// <summary>One need and what has arrived of it.</summary>
internal sealed class ItemProgress(WeightNeed need, ByteRanges arrived)
{
    public WeightNeed Need { get; } = need;

    public ByteRanges Arrived { get; } = arrived;

    /// <summary>Sources that refused it in this run.</summary>
    public HashSet<MemberId> Refused { get; } = [];
}
