using System.Runtime.InteropServices;

namespace ElasticEp.Cuda.Windows;

/// <summary>Writes the tables of replicas that dispatches read; see <see cref="Kernels.TokenRoutes"/>.</summary>
internal static class ReplicaTable
{
    /// <summary>Words of one layer: one for each expert, and for experts with several candidates their number and they themselves.</summary>
    public static int Words(WindowShape shape) => (2 * shape.Experts) + (shape.MaxRanks * shape.SlotsPerRank);

    /// <summary>Writes the table of a layer.</summary>
    /// <param name="target">Receives <see cref="Words"/> words, or as many as are needed.</param>
    /// <param name="experts">Experts of the layer.</param>
    /// <param name="candidates">Member index and slot of those that this rank chooses among, for an expert.</param>
    public static void Write(Span<byte> target, int experts, Func<int, IReadOnlyList<(int Member, int Slot)>> candidates)
    {
        var words = MemoryMarshal.Cast<byte, int>(target);
        var next = experts;
        for (var expert = 0; expert < experts; expert++)
        {
            var list = candidates(expert);
            words[expert] = list.Count switch
            {
                0 => -1,
                1 => Pack(list[0]),
                _ => experts - 2 - next,
            };
            if (list.Count < 2)
                continue;
            words[next++] = list.Count;
            foreach (var candidate in list)
                words[next++] = Pack(candidate);
        }
    }

    private static int Pack((int Member, int Slot) candidate) => (candidate.Member << 16) | candidate.Slot;
}
