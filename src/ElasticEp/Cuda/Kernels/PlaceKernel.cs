using ILGPU;
using ILGPU.Runtime.Cuda;

namespace ElasticEp.Cuda.Kernels;

/// <summary>
/// Lays received rows out slot after slot, within a slot by source and then in the order of the source, as the processor's engine does.
/// A block has one slot: how many entries go to lower slots is where its rows begin, so no block waits for another.
/// </summary>
internal static unsafe class PlaceKernel
{
    /// <summary>An entry names a slot that is not there.</summary>
    public const int BadSlot = 1;

    /// <summary>
    /// Descriptions are <paramref name="metaInts"/> numbers a row: the token, then k slots or −1. Writes for each entry its place among all
    /// rows, or −1; where each slot's rows begin, and the end; and the least (entry · 4 + <see cref="BadSlot"/>) of wrong entries.
    /// </summary>
    public static void Run(long meta, long metaStride, long counts, long places, long placeStride, long offsets, long status, int sources, int metaInts, int terms)
    {
        if (CudaAsm.IsSupported)
            RunWarps(meta, metaStride, counts, places, placeStride, offsets, status, sources, metaInts, terms);
        else if (Group.IdxX == 0)
            RunScalar(meta, metaStride, counts, places, placeStride, offsets, status, sources, metaInts, terms);
    }

    private static void RunScalar(long meta, long metaStride, long counts, long places, long placeStride, long offsets, long status, int sources, int metaInts, int terms)
    {
        var (lower, equal) = (0, 0);
        for (var source = 0; source < sources; source++)
        {
            for (var row = 0; row < Rows(counts, source); row++)
            {
                for (var j = 0; j < terms; j++)
                {
                    var slot = Slot(meta + (source * metaStride), row, j, metaInts);
                    lower += (uint)slot < (uint)Grid.IdxX ? 1 : 0;
                    equal += slot == Grid.IdxX ? 1 : 0;
                }
            }
        }

        WriteOffsets(offsets, lower, equal);
        var next = lower;
        for (var source = 0; source < sources; source++)
        {
            for (var row = 0; row < Rows(counts, source); row++)
                next = WriteRow(meta + (source * metaStride), places + (source * placeStride), status, row, next, metaInts, terms);
        }
    }

    private static void RunWarps(long meta, long metaStride, long counts, long places, long placeStride, long offsets, long status, int sources, int metaInts, int terms)
    {
        var lowerOf = SharedMemory.Allocate<int>(Warps.Lanes);
        var equalOf = SharedMemory.Allocate<int>(Warps.Lanes);
        var all = 0;
        for (var source = 0; source < sources; source++)
            all += Rows(counts, source);

        // Each warp has a run of the rows of all sources, so the order of warps is the order of rows.
        var share = (all + Warps.Count - 1) / Warps.Count;
        var begin = Warps.Index * share;
        var (lower, equal) = (0, 0);
        var start = 0;
        for (var source = 0; source < sources; source++)
        {
            var rows = Rows(counts, source);
            var to = Smaller(begin + share - start, rows);
            for (var row = Larger(begin - start, 0) + Warps.Lane; row < to; row += Warps.Lanes)
            {
                for (var j = 0; j < terms; j++)
                {
                    var slot = Slot(meta + (source * metaStride), row, j, metaInts);
                    lower += (uint)slot < (uint)Grid.IdxX ? 1 : 0;
                    equal += slot == Grid.IdxX ? 1 : 0;
                }
            }

            start += rows;
        }

        lowerOf[Warps.Index] = Warps.Sum(lower);
        equalOf[Warps.Index] = Warps.Sum(equal);
        Group.Barrier();
        var (first, before, total) = (0, 0, 0);
        for (var warp = 0; warp < Warps.Count; warp++)
        {
            first += lowerOf[warp];
            before += warp < Warps.Index ? equalOf[warp] : 0;
            total += equalOf[warp];
        }

        if (Group.IdxX == 0)
            WriteOffsets(offsets, first, total);
        WriteWarp(meta, metaStride, counts, places, placeStride, status, sources, begin, share, first + before, metaInts, terms);
    }

    private static void WriteWarp(long meta, long metaStride, long counts, long places, long placeStride, long status, int sources, int begin, int share, int next, int metaInts, int terms)
    {
        var start = 0;
        for (var source = 0; source < sources; source++)
        {
            var rows = Rows(counts, source);
            var to = Smaller(begin + share - start, rows);
            for (var at = Larger(begin - start, 0); at < to; at += Warps.Lanes)
            {
                var row = at + Warps.Lane;
                var equal = 0;
                for (var j = 0; row < to && j < terms; j++)
                    equal += Slot(meta + (source * metaStride), row, j, metaInts) == Grid.IdxX ? 1 : 0;
                var scan = Warps.Scan(equal);
                if (row < to)
                    WriteRow(meta + (source * metaStride), places + (source * placeStride), status, row, next + scan - equal, metaInts, terms);
                next += Warps.Broadcast(scan, Warps.Lanes - 1);
            }

            start += rows;
        }
    }

    /// <summary>
    /// Writes the places of the row's entries that are this block's; returns the next place. Entries without a slot are shared out among
    /// the blocks by runs of rows: they can be most entries, and one block would take longer for them than all others for the places.
    /// </summary>
    private static int WriteRow(long meta, long places, long status, int row, int next, int metaInts, int terms)
    {
        var isOwner = (row >> 5) % Grid.DimX == Grid.IdxX;
        for (var j = 0; j < terms; j++)
        {
            var slot = Slot(meta, row, j, metaInts);
            var entry = ((long)row * terms) + j;
            if (slot == Grid.IdxX)
                *(int*)(places + (entry * 4)) = next++;
            else if (isOwner && (uint)slot >= (uint)Grid.DimX)
                *(int*)(places + (entry * 4)) = -1;
            if (isOwner && slot >= Grid.DimX)
                Atomic.Min(ref *(long*)status, (entry * 4) + BadSlot);
        }

        return next;
    }

    private static void WriteOffsets(long offsets, int first, int count)
    {
        *(int*)(offsets + (Grid.IdxX * 4L)) = first;
        if (Grid.IdxX == Grid.DimX - 1)
            *(int*)(offsets + (Grid.DimX * 4L)) = first + count;
    }

    private static int Rows(long counts, int source) => *(int*)(counts + (source * 4L));

    private static int Slot(long meta, int row, int j, int metaInts) => *(int*)(meta + ((((long)row * metaInts) + 1 + j) * 4));

    private static int Smaller(int a, int b) => a < b ? a : b;

    private static int Larger(int a, int b) => a > b ? a : b;
}
