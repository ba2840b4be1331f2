using ILGPU;
using ILGPU.Runtime.Cuda;

namespace ElasticEp.Cuda.Kernels;

/// <summary>
/// Where tokens go, found out by every block for itself: which member each token has rows for, as bits, and how many rows lie before.
/// Rows for a member are numbered in the order of tokens, so what arrives does not depend on which block ran when.
/// <para>
/// The table of a layer has a word for each expert: member · 65536 + slot of its only candidate, −1 for none, or −2 − n where several are
/// chosen among, (token + rank) mod their number; from word <c>experts</c> + n on lie their number and they themselves. A rank that holds
/// an expert itself lists itself alone.
/// </para>
/// </summary>
internal static unsafe class TokenRoutes
{
    /// <summary>Most experts of a layer.</summary>
    public const int MaxExperts = 2048;

    /// <summary>Most members.</summary>
    public const int MaxMembers = 1024;

    /// <summary>Words of 32 tokens × members that a block keeps.</summary>
    public const int Capacity = 2048;

    /// <summary>Tokens that are routed together: all of them unless there are very many, or very many members.</summary>
    public static int ChunkTokens(int members) => Capacity / members * Warps.Lanes;

    /// <summary>Copies what no kernel of a step writes to shared memory: the first words of a layer's table, windows, and where rows come back.</summary>
    public static void LoadTable(ArrayView<int> choices, ArrayView<int> next, ArrayView<long> windows, ArrayView<int> backs, long table, long outgoing, long combineRows, int experts, int members)
    {
        for (var member = Group.IdxX; member < members; member += Group.DimX)
        {
            windows[member] = *(long*)(outgoing + (member * 8L));
            backs[member] = *(int*)(combineRows + (member * 4L));
        }

        for (var expert = Group.IdxX; expert < experts; expert += Group.DimX)
            choices[expert] = *(int*)(table + (expert * 4L));
        for (var member = Group.IdxX; member < members; member += Group.DimX)
            next[member] = 0;
    }

    /// <summary>Member · 65536 + slot, or −1.</summary>
    public static int Choose(ArrayView<int> choices, long table, int id, int token, int rank, int experts)
    {
        if ((uint)id >= (uint)experts)
            return -1;
        var word = choices[id];
        if (word >= -1)
            return word;
        var list = table + ((experts - 2L - word) * 4);
        return *(int*)(list + ((1L + ((uint)(token + rank) % (uint)*(int*)list)) * 4));
    }

    /// <summary>What is wrong with an entry: 0 or one of <see cref="RouteKernel"/>'s reasons.</summary>
    public static int FindFault(ArrayView<int> choices, int id, int weightBits, int experts)
    {
        if ((weightBits & 0x7F800000) == 0x7F800000)
            return RouteKernel.BadWeight;
        if (id == -1)
            return 0;
        if ((uint)id >= (uint)experts)
            return RouteKernel.BadExpert;
        return choices[id] == -1 ? RouteKernel.LostExpert : 0;
    }

    /// <summary>
    /// By all threads of a block: bits of the tokens of each member, a word for 32 tokens, <paramref name="words"/> for a member; how many
    /// rows lie before each word; and the rows of each member up to here. On a GPU only.
    /// </summary>
    /// <returns>Whether nothing has failed before; the same for all threads.</returns>
    public static bool Route(long control, ArrayView<int> choices, ArrayView<int> bits, ArrayView<int> before, ArrayView<int> next, long ids, long table, int first, int here, int words, int members, int rank, int experts, int terms)
    {
        var status = Signals.LoadRelaxed(control + ExchangeControl.Status); // on its way while ids are read
        for (var word = Group.IdxX; word < members * words; word += Group.DimX)
            bits[word] = 0;
        Group.Barrier();
        var entries = here * terms;
        var list = ids + ((long)first * terms * 4);
        for (var entry = Group.IdxX; entry < entries; entry += Group.DimX * PlacePtx.Batch)
        {
            CudaAsm.Emit(PlacePtx.Load, list + (entry * 4L), Group.DimX * 4L, entries - entry, Group.DimX);
            CudaAsm.Emit(PlacePtx.First, out int id0);
            CudaAsm.Emit(PlacePtx.Second, out int id1);
            CudaAsm.Emit(PlacePtx.Third, out int id2);
            CudaAsm.Emit(PlacePtx.Fourth, out int id3);
            CudaAsm.Emit(PlacePtx.Fifth, out int id4);
            CudaAsm.Emit(PlacePtx.Sixth, out int id5);
            CudaAsm.Emit(PlacePtx.Seventh, out int id6);
            CudaAsm.Emit(PlacePtx.Eighth, out int id7);
            Mark(choices, bits, id0, table, first, entry, words, rank, experts, terms);
            Mark(choices, bits, id1, table, first, entry + Group.DimX, words, rank, experts, terms);
            Mark(choices, bits, id2, table, first, entry + (2 * Group.DimX), words, rank, experts, terms);
            Mark(choices, bits, id3, table, first, entry + (3 * Group.DimX), words, rank, experts, terms);
            Mark(choices, bits, id4, table, first, entry + (4 * Group.DimX), words, rank, experts, terms);
            Mark(choices, bits, id5, table, first, entry + (5 * Group.DimX), words, rank, experts, terms);
            Mark(choices, bits, id6, table, first, entry + (6 * Group.DimX), words, rank, experts, terms);
            Mark(choices, bits, id7, table, first, entry + (7 * Group.DimX), words, rank, experts, terms);
        }

        if (Group.BarrierOr(status != ExchangeFailure.None))
            return false;
        for (var member = Warps.Index; member < members; member += Warps.Count)
        {
            var rows = next[member];
            for (var word = 0; word < words; word += Warps.Lanes)
            {
                var at = (member * words) + word + Warps.Lane;
                var count = word + Warps.Lane < words ? Warps.CountBits((uint)bits[at]) : 0;
                var sum = Warps.Scan(count);
                if (word + Warps.Lane < words)
                    before[at] = rows + sum - count;
                rows += Warps.Broadcast(sum, Warps.Lanes - 1);
            }

            CudaAsm.Emit("bar.warp.sync 0xffffffff;"); // all lanes have read the number before one writes it
            if (Warps.Lane == 0)
                next[member] = rows;
        }

        Group.Barrier();
        return true;
    }

    /// <summary>Notes that a token goes to the member of an entry.</summary>
    private static void Mark(ArrayView<int> choices, ArrayView<int> bits, int id, long table, int first, int entry, int words, int rank, int experts, int terms)
    {
        if (id < 0)
            return;
        var at = entry / terms;
        var choice = Choose(choices, table, id, first + at, rank, experts);
        if (choice >= 0)
            Atomic.Or(ref bits[((choice >> 16) * words) + (at >> 5)], 1 << (at & 31));
    }

    /// <summary>The row at a member of the token that is <paramref name="at"/> in the chunk and has a row there.</summary>
    public static int RowOf(ArrayView<int> bits, ArrayView<int> before, int member, int at, int words)
    {
        var word = (member * words) + (at >> 5);
        return before[word] + Warps.CountBits((uint)bits[word] & ((1u << (at & 31)) - 1));
    }
}
