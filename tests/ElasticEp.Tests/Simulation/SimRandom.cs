namespace ElasticEp.Tests.Simulation;

/// <summary>SplitMix64: the same seed gives the same schedule on every machine and runtime.</summary>
internal sealed class SimRandom(ulong seed)
{
    private ulong _state = Mix(seed + 0x632BE59BD9B4E019);

    public static ulong Mix(ulong value)
    {
        value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9;
        value = (value ^ (value >> 27)) * 0x94D049BB133111EB;
        return value ^ (value >> 31);
    }

    public ulong Next() => Mix(_state += 0x9E3779B97F4A7C15);

    /// <summary>A number from 0 to <paramref name="count"/> − 1.</summary>
    public int Below(int count) => (int)(Next() % (ulong)count);

    /// <summary>A number from <paramref name="low"/> to <paramref name="high"/>, both included.</summary>
    public int Between(int low, int high) => low + Below(high - low + 1);

    public bool Chance(double probability) => (Next() >> 11) * (1.0 / (1UL << 53)) < probability;

    public T Pick<T>(IReadOnlyList<T> items) => items[Below(items.Count)];

    /// <summary>A delay that is mostly near <paramref name="typical"/>, and now and then ten times as long.</summary>
    public long Delay(long typical) => 1 + (long)(Next() % (ulong)(2 * typical)) * (Chance(0.03) ? 10 : 1);
}
