namespace ElasticEp.Rendezvous;

/// <summary>Numbers the payloads of one name between two ranks, at one end.</summary>
internal sealed class TensorCounter
{
    private long _next;

    /// <summary>Receivers of the same name come one after another.</summary>
    public SemaphoreSlim Lock { get; } = new(1, 1);

    public long Peek() => Interlocked.Read(ref _next);

    public long Next() => Interlocked.Increment(ref _next) - 1;
}
