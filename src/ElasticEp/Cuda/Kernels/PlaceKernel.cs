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

    private const int Batch = 8;
    private const int NoRow = 1 << 30;

    /// <summary>
    /// Descriptions are <paramref name="metaInts"/> numbers a row: the token, then k slots or −1. Writes for each entry its place among all
    /// rows, or −1; where each slot's rows begin, and the end; and the least (entry · 4 + <see cref="BadSlot"/>) of wrong entries.
    /// </summary>
    public static void Run(long meta, long metaStride, long counts, long places, long placeStride, long offsets, long status, int sources, int metaInts, int terms)
    {
        Predecessor.Wait();
        WriteMissing(meta, metaStride, counts, places, placeStride, status, sources, metaInts, terms);
        if (CudaAsm.IsSupported)
            RunWarps(meta, metaStride, counts, places, placeStride, offsets, sources, metaInts, terms);
        else if (Group.IdxX == 0)
            RunScalar(meta, metaStride, counts, places, placeStride, offsets, sources, metaInts, terms);
    }

    /// <summary>Entries without a slot are shared out among all threads: they can be most entries.</summary>
    private static void WriteMissing(long meta, long metaStride, long counts, long places, long placeStride, long status, int sources, int metaInts, int terms)
    {
        for (var source = 0; source < sources; source++)
        {
            var entries = Rows(counts, source) * terms;
            for (var entry = (Grid.IdxX * Group.DimX) + Group.IdxX; entry < entries; entry += Grid.DimX * Group.DimX)
            {
                var row = entry / terms;
                var slot = *(int*)SlotAddress(meta + (source * metaStride), row, entry - (row * terms), metaInts);
                if ((uint)slot >= (uint)Grid.DimX)
                    *(int*)(places + (source * placeStride) + (entry * 4L)) = -1;
                if (slot >= Grid.DimX)
                    Atomic.Min(ref *(long*)status, (entry * 4L) + BadSlot);
            }
        }
    }

    private static void RunScalar(long meta, long metaStride, long counts, long places, long placeStride, long offsets, int sources, int metaInts, int terms)
    {
        var (lower, equal) = (0, 0);
        for (var source = 0; source < sources; source++)
        {
            for (var entry = 0; entry < Rows(counts, source) * terms; entry++)
            {
                var slot = *(int*)SlotAddress(meta + (source * metaStride), entry / terms, entry % terms, metaInts);
                lower += (uint)slot < (uint)Grid.IdxX ? 1 : 0;
                equal += slot == Grid.IdxX ? 1 : 0;
            }
        }

        WriteOffsets(offsets, lower, equal);
        for (var source = 0; source < sources; source++)
        {
            for (var entry = 0; entry < Rows(counts, source) * terms; entry++)
            {
                if (*(int*)SlotAddress(meta + (source * metaStride), entry / terms, entry % terms, metaInts) == Grid.IdxX)
                    *(int*)(places + (source * placeStride) + (entry * 4L)) = lower++;
            }
        }
    }

    private static void RunWarps(long meta, long metaStride, long counts, long places, long placeStride, long offsets, int sources, int metaInts, int terms)
    {
        var lowerOf = SharedMemory.Allocate<int>(Warps.Lanes);
        var equalOf = SharedMemory.Allocate<int>(Warps.Lanes);
        var all = 0;
        for (var source = 0; source < sources; source++)
            all += Rows(counts, source);

        // Each warp has a run of the rows of all sources, so the order of warps is the order of rows.
        var share = (all + Warps.Count - 1) / Warps.Count;
        CudaAsm.Emit(PlacePtx.Declare);
        Walk(meta, metaStride, counts, places, placeStride, sources, share, metaInts, terms, isWriting: false);
        CudaAsm.Emit("mov.b32 %0, plower;", out int lower);
        CudaAsm.Emit("mov.b32 %0, pequal;", out int equal);
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
        CudaAsm.Emit("mov.b32 pnext, %0;", first + before);
        Walk(meta, metaStride, counts, places, placeStride, sources, share, metaInts, terms, isWriting: true);
    }

    /// <summary>
    /// Counts the entries of the warp's rows, or writes their places. Lanes have entries that follow each other, of as many rows as a warp
    /// has lanes for, and eight of them are in flight.
    /// </summary>
    private static void Walk(long meta, long metaStride, long counts, long places, long placeStride, int sources, int share, int metaInts, int terms, bool isWriting)
    {
        var step = Warps.Lanes / terms;
        var lane = Warps.Lane / terms;
        var skipped = lane < step ? lane : NoRow;
        var begin = Warps.Index * share;
        for (var source = 0; source < sources; source++)
        {
            var rows = Rows(counts, source);
            var end = Smaller(begin + share, rows);
            for (var row = Larger(begin, 0); row < end; row += step * Batch)
            {
                var from = SlotAddress(meta + (source * metaStride), row + lane, Warps.Lane - (lane * terms), metaInts);
                CudaAsm.Emit(PlacePtx.Load, from, step * metaInts * 4L, end - row - skipped, step);
                if (isWriting)
                    CudaAsm.Emit(PlacePtx.Write, Grid.IdxX, places + (source * placeStride) + (((row * terms) + Warps.Lane) * 4L), step * terms * 4L);
                else
                    CudaAsm.Emit(PlacePtx.Count, Grid.IdxX);
            }

            begin -= rows;
        }
    }

    private static void WriteOffsets(long offsets, int first, int count)
    {
        *(int*)(offsets + (Grid.IdxX * 4L)) = first;
        if (Grid.IdxX == Grid.DimX - 1)
            *(int*)(offsets + (Grid.DimX * 4L)) = first + count;
    }

    private static int Rows(long counts, int source) => *(int*)(counts + (source * 4L));

    private static long SlotAddress(long meta, int row, int j, int metaInts) => meta + ((((long)row * metaInts) + 1 + j) * 4);

    private static int Smaller(int a, int b) => a < b ? a : b;

    private static int Larger(int a, int b) => a > b ? a : b;
}
