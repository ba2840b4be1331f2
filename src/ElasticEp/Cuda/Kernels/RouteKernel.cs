using ILGPU;
using ILGPU.Runtime.Cuda;

namespace ElasticEp.Cuda.Kernels;

/// <summary>
/// Where tokens go: which replica of each expert, one row for each member that a token goes to, and the order of those rows. A block
/// has one member and looks at every token, so rows are numbered in the order of tokens without one block waiting for another.
/// <para>
/// The table of replicas is the sender's own: it lists for each expert those that this rank chooses among, (token + rank) mod their
/// number, each as member · 65536 + slot. A rank that holds an expert itself lists itself alone.
/// </para>
/// </summary>
internal static unsafe class RouteKernel
{
    /// <summary>A weight is not finite.</summary>
    public const int BadWeight = 1;

    /// <summary>An id is neither −1 nor an expert.</summary>
    public const int BadExpert = 2;

    /// <summary>No member holds the expert.</summary>
    public const int LostExpert = 3;

    private const int TileEntries = 4096;

    /// <summary>
    /// Reads ids and weights <c>[tokens, k]</c>; the control words hold the tokens and the own rank. Writes the description of each
    /// member's rows to <c>metaOf[member]</c> (token, k slots or −1 and, when pre-reducing, k weights), their numbers to
    /// <paramref name="counts"/>, for each entry its member (or −1) and, for the first entry of a member, its row there (else −1), the
    /// row of the combine region for each entry (or −1), and the least (entry · 4 + reason) of wrong entries.
    /// </summary>
    public static void Run(long ids, long weights, long control, long starts, long replicas, long metaOf, long counts, long areas, long places, long index, long status, int experts, int terms, int preReducedRows)
    {
        Predecessor.Wait();
        var chosen = SharedMemory.Allocate<int>(TileEntries);
        var tokens = *(int*)control;
        if (CudaAsm.IsSupported)
        {
            RunWarps(chosen, ids, weights, control, starts, replicas, metaOf, counts, areas, places, index, status, experts, terms, preReducedRows);
            return;
        }

        if (Group.IdxX != 0)
            return;
        var next = 0;
        for (var token = 0; token < tokens; token++)
        {
            for (var j = 0; j < terms; j++)
                chosen[j] = Choose(ids, weights, control, starts, replicas, status, token, j, experts, terms);
            next += WriteToken(chosen, 0, weights, metaOf, areas, places, index, token, next, terms, preReducedRows);
        }

        *(int*)(counts + (Grid.IdxX * 4L)) = next;
    }

    private static void RunWarps(ArrayView<int> chosen, long ids, long weights, long control, long starts, long replicas, long metaOf, long counts, long areas, long places, long index, long status, int experts, int terms, int preReducedRows)
    {
        var rowsOf = SharedMemory.Allocate<int>(Warps.Lanes);
        var tokens = *(int*)control;
        var tile = TileEntries / terms < Group.DimX ? TileEntries / terms : Group.DimX;
        var next = 0;
        for (var first = 0; first < tokens; first += tile)
        {
            var here = tokens - first < tile ? tokens - first : tile;
            for (var entry = Group.IdxX; entry < here * terms; entry += Group.DimX)
            {
                var token = entry / terms;
                chosen[entry] = Choose(ids, weights, control, starts, replicas, status, first + token, entry - (token * terms), experts, terms);
            }

            Group.Barrier();
            var own = Group.IdxX * terms;
            var goes = 0;
            for (var j = 0; Group.IdxX < here && j < terms; j++)
                goes |= chosen[own + j] >> 16 == Grid.IdxX ? 1 : 0;
            var lanes = Warps.Ballot(goes);
            rowsOf[Warps.Index] = Warps.CountBits(lanes);
            Group.Barrier();
            var row = next + Warps.CountBelow(lanes);
            for (var warp = 0; warp < Warps.Count; warp++)
            {
                row += warp < Warps.Index ? rowsOf[warp] : 0;
                next += rowsOf[warp];
            }

            if (Group.IdxX < here)
                WriteToken(chosen, own, weights, metaOf, areas, places, index, first + Group.IdxX, row, terms, preReducedRows);
            Group.Barrier();
        }

        if (Group.IdxX == 0)
            *(int*)(counts + (Grid.IdxX * 4L)) = next;
    }

    /// <summary>The replica of an entry, or −1. Block 0 reports what is wrong.</summary>
    private static int Choose(long ids, long weights, long control, long starts, long replicas, long status, int token, int j, int experts, int terms)
    {
        var entry = ((long)token * terms) + j;
        var id = *(int*)(ids + (entry * 4));
        var wrong = (*(uint*)(weights + (entry * 4)) & 0x7F800000) == 0x7F800000 ? BadWeight : 0;
        var choice = -1;
        if (id < -1 || id >= experts)
        {
            wrong = wrong == 0 ? BadExpert : wrong;
        }
        else if (id >= 0)
        {
            var first = *(int*)(starts + (id * 4L));
            var number = *(int*)(starts + ((id + 1) * 4L)) - first;
            var rank = *(int*)(control + 4);
            if (number > 0)
                choice = *(int*)(replicas + ((first + (long)((uint)(token + rank) % (uint)number)) * 4));
            else
                wrong = wrong == 0 ? LostExpert : wrong;
        }

        if (wrong != 0 && Grid.IdxX == 0)
            Atomic.Min(ref *(long*)status, (entry * 4) + wrong);
        return choice;
    }

    /// <summary>Writes what is this block's of a token, whose next row would be <paramref name="row"/>; returns how many rows it has: 0 or 1.</summary>
    private static int WriteToken(ArrayView<int> chosen, int own, long weights, long metaOf, long areas, long places, long index, int token, int row, int terms, int preReducedRows)
    {
        var (rows, before) = (0, 0); // before: members that an earlier entry goes to
        for (var j = 0; j < terms; j++)
        {
            var member = chosen[own + j] >> 16;
            var entry = (((long)token * terms) + j) * 4;
            var isFirst = member >= 0 && IsFirst(chosen, own, j);
            if (member == Grid.IdxX)
            {
                *(int*)(areas + entry) = member;
                *(int*)(places + entry) = isFirst ? row : -1;
                if (preReducedRows == 0)
                    *(int*)(index + entry) = (token * terms) + j;
                else if (isFirst)
                    *(int*)(index + ((((long)token * terms) + before) * 4)) = (member * preReducedRows) + row;
                rows = 1;
            }
            else if (member < 0 && Grid.IdxX == 0)
            {
                *(int*)(areas + entry) = -1;
                *(int*)(places + entry) = -1;
                if (preReducedRows == 0)
                    *(int*)(index + entry) = -1;
            }

            before += isFirst ? 1 : 0;
        }

        for (var j = before; preReducedRows != 0 && Grid.IdxX == 0 && j < terms; j++)
            *(int*)(index + ((((long)token * terms) + j) * 4)) = -1;
        if (rows != 0)
            Describe(chosen, own, weights, metaOf, token, row, terms, preReducedRows);
        return rows;
    }

    private static void Describe(ArrayView<int> chosen, int own, long weights, long metaOf, int token, int row, int terms, int preReducedRows)
    {
        var ints = preReducedRows == 0 ? 1 + terms : 1 + (2 * terms);
        var meta = *(long*)(metaOf + (Grid.IdxX * 8L)) + ((long)row * ints * 4);
        *(int*)meta = token;
        for (var j = 0; j < terms; j++)
        {
            var choice = chosen[own + j];
            var isHere = choice >> 16 == Grid.IdxX;
            *(int*)(meta + ((1 + j) * 4L)) = isHere ? choice & 0xFFFF : -1;
            if (preReducedRows != 0)
                *(int*)(meta + ((1 + terms + j) * 4L)) = isHere ? *(int*)(weights + ((((long)token * terms) + j) * 4)) : 0;
        }
    }

    private static bool IsFirst(ArrayView<int> chosen, int own, int j)
    {
        var member = chosen[own + j] >> 16;
        for (var earlier = 0; earlier < j; earlier++)
        {
            if (chosen[own + earlier] >> 16 == member)
                return false;
        }

        return true;
    }
}
