namespace ElasticEp.Events;

/// <summary>Compares times at which cores want a tick; null is never.</summary>
internal static class Earliest
{
    public static TimeSpan? Of(TimeSpan? one, TimeSpan? other) => one is null || other < one ? other : one;
}
