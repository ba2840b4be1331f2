using System.Numerics;
using System.Runtime.InteropServices;

namespace ElasticEp.Placement;

/// <summary>Where the lowest or highest value is first; vectorised, because the greedy steps ask it for every copy they place.</summary>
internal static class FirstOf
{
    /// <summary>Index of the first lowest value; there is at least one value, and no NaN.</summary>
    public static int Lowest<T>(ReadOnlySpan<T> values)
        where T : unmanaged, INumber<T>
    {
        var vectors = MemoryMarshal.Cast<T, Vector<T>>(values);
        var lowest = values[^1];
        if (vectors.Length > 0)
        {
            var least = vectors[0];
            foreach (var vector in vectors)
                least = Vector.Min(least, vector);
            for (var lane = 0; lane < Vector<T>.Count; lane++)
                lowest = T.Min(lowest, least[lane]);
        }

        foreach (var value in values[(vectors.Length * Vector<T>.Count)..])
            lowest = T.Min(lowest, value);
        return Find(values, vectors, lowest);
    }

    /// <summary>Index of the first highest value; there is at least one value, and no NaN.</summary>
    public static int Highest<T>(ReadOnlySpan<T> values)
        where T : unmanaged, INumber<T>
    {
        var vectors = MemoryMarshal.Cast<T, Vector<T>>(values);
        var highest = values[^1];
        if (vectors.Length > 0)
        {
            var most = vectors[0];
            foreach (var vector in vectors)
                most = Vector.Max(most, vector);
            for (var lane = 0; lane < Vector<T>.Count; lane++)
                highest = T.Max(highest, most[lane]);
        }

        foreach (var value in values[(vectors.Length * Vector<T>.Count)..])
            highest = T.Max(highest, value);
        return Find(values, vectors, highest);
    }

    private static int Find<T>(ReadOnlySpan<T> values, ReadOnlySpan<Vector<T>> vectors, T value)
        where T : unmanaged, INumber<T>
    {
        var wanted = new Vector<T>(value);
        var index = 0;
        while (index < vectors.Length && !Vector.EqualsAny(vectors[index], wanted))
            index++;
        for (index *= Vector<T>.Count; values[index] != value; index++)
        {
        }

        return index;
    }
}
