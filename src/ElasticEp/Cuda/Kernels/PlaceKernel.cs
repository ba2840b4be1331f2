using ILGPU;
using ILGPU.Runtime.Cuda;

namespace ElasticEp.Cuda.Kernels;

/// <summary>
/// Waits for what members have sent, where that is wanted, and lays received rows out slot after slot, within a slot by source and then in
/// the order of the source, as the processor's engine does. A block has one slot, or several far apart: how many entries go to lower slots
/// is where its rows begin, so no block waits for another. Received rows are numbered source after source.
/// </summary>
internal static unsafe class PlaceKernel
{
    private const int Batch = 8;
    private const int NoRow = 1 << 30;

    /// <summary>
    /// Reads the metadata at <c>incoming[source] + metaOffset</c>: the number of rows, then at <see cref="DispatchKernels.MetaHeader"/> the
    /// descriptions. Writes for each received row the address of its data, the address where its outputs go back (of entry 0; of the only
    /// row when pre-reducing) and the address of its weights; for each entry its place among all rows, or −1; where each slot's rows begin,
    /// and the end; and how many rows there are. What does not fit the layout sets the status.
    /// </summary>
    /// <param name="control">See <see cref="ExchangeControl"/>.</param>
    /// <param name="incoming">Addresses of the members' windows here.</param>
    /// <param name="outgoing">Addresses of the own window at each member.</param>
    /// <param name="metaOffset">Where the metadata is in a window.</param>
    /// <param name="rowsOffset">Where the rows are.</param>
    /// <param name="combineOffset">Where rows go back.</param>
    /// <param name="lists">Addresses, <c>[3, capacity]</c>: of the data, of the way back, of the weights.</param>
    /// <param name="capacity">Most received rows.</param>
    /// <param name="places">Receives the places, <c>[capacity, k]</c>.</param>
    /// <param name="offsets">Receives where slots begin, <c>[slots + 1]</c>.</param>
    /// <param name="received">Receives the number of rows.</param>
    /// <param name="flagOffset">Where the flag is in a window; less than 0 = everything has come.</param>
    /// <param name="layer">MoE layer.</param>
    /// <param name="slots">Slots of this rank.</param>
    /// <param name="terms">k.</param>
    /// <param name="isPreReduced">Whether a row goes back as one sum.</param>
    /// <param name="sentBytes">Bytes of a row as it was sent.</param>
    /// <param name="rowBytes">Bytes of a row that goes back.</param>
    /// <param name="mostTokens">Most rows of a source, and tokens that it may name.</param>
    public static void Run(long control, long incoming, long outgoing, long metaOffset, long rowsOffset, long combineOffset, long lists, int capacity, long places, long offsets, long received, int flagOffset, int layer, int slots, int terms, int isPreReduced, int sentBytes, int rowBytes, int mostTokens)
    {
        var counts = SharedMemory.Allocate<int>(TokenRoutes.MaxMembers);
        if (flagOffset < 0)
            Predecessor.WaitOnly();
        var isHere = flagOffset < 0 ? !Group.BarrierOr(Signals.HasFailed(control)) : Signals.Wait(control, incoming, flagOffset, Signals.Dispatch, layer);
        if (isHere)
        {
            Predecessor.LaunchNext();
            Place(counts, control, incoming, outgoing, metaOffset, rowsOffset, combineOffset, lists, capacity, places, offsets, received, layer, slots, terms, isPreReduced, sentBytes, rowBytes, mostTokens);
        }

        RowTotals.ClearIfFailed(control, offsets, received, slots);
    }

    private static void Place(ArrayView<int> counts, long control, long incoming, long outgoing, long metaOffset, long rowsOffset, long combineOffset, long lists, int capacity, long places, long offsets, long received, int layer, int slots, int terms, int isPreReduced, int sentBytes, int rowBytes, int mostTokens)
    {
        var sources = *(int*)(control + ExchangeControl.Members);
        var metaInts = DispatchKernels.MetaInts(terms, isPreReduced);
        for (var source = Group.IdxX; source < sources; source += Group.DimX)
        {
            var rows = *(int*)(*(long*)(incoming + (source * 8L)) + metaOffset); // read once: a member may write it anew
            var fits = (uint)rows <= (uint)mostTokens;
            counts[source] = fits ? rows : 0;
            if (!fits)
                RowTotals.Refuse(control, layer, source, offsets, received, slots);
        }

        Group.Barrier();
        var flat = 0;
        for (var source = 0; source < sources; source++)
        {
            var meta = *(long*)(incoming + (source * 8L)) + metaOffset;
            var rows = counts[source];
            var data = *(long*)(incoming + (source * 8L)) + rowsOffset;
            var back = *(long*)(outgoing + (source * 8L)) + combineOffset;
            for (var row = (Grid.IdxX * Group.DimX) + Group.IdxX; row < rows; row += Grid.DimX * Group.DimX)
            {
                var description = meta + DispatchKernels.MetaHeader + ((long)row * metaInts * 4);
                var token = *(int*)description;
                var fits = (uint)token < (uint)mostTokens;
                if (!fits)
                    RowTotals.Refuse(control, layer, source, offsets, received, slots);
                var at = lists + ((long)(flat + row) * 8);
                *(long*)at = data + ((long)row * sentBytes);
                *(long*)(at + (capacity * 8L)) = back + ((isPreReduced == 0 ? (long)(fits ? token : 0) * terms : row) * rowBytes);
                *(long*)(at + (capacity * 16L)) = description + ((1 + terms) * 4L);
            }

            WriteMissing(control, meta, rows, places + ((long)flat * terms * 4), offsets, received, slots, metaInts, terms, layer, source);
            flat += rows;
        }

        if (Grid.IdxX == 0 && Group.IdxX == 0)
            *(int*)received = flat;
        if (CudaAsm.IsSupported)
            RunWarps(counts, incoming, metaOffset, places, offsets, sources, slots, metaInts, terms, flat, (capacity * terms) - 1);
        else if (Group.IdxX == 0)
            RunScalar(counts, incoming, metaOffset, places, offsets, sources, slots, metaInts, terms, (capacity * terms) - 1);
    }

    /// <summary>Entries without a slot are shared out among all threads: they can be most entries.</summary>
    private static void WriteMissing(long control, long meta, int rows, long places, long offsets, long received, int slots, int metaInts, int terms, int layer, int source)
    {
        for (var entry = (Grid.IdxX * Group.DimX) + Group.IdxX; entry < rows * terms; entry += Grid.DimX * Group.DimX)
        {
            var row = entry / terms;
            var slot = *(int*)SlotAddress(meta, row, entry - (row * terms), metaInts);
            if ((uint)slot >= (uint)slots)
                *(int*)(places + (entry * 4L)) = -1;
            if (slot >= slots)
                RowTotals.Refuse(control, layer, source, offsets, received, slots);
        }
    }

    private static void RunScalar(ArrayView<int> counts, long incoming, long metaOffset, long places, long offsets, int sources, int slots, int metaInts, int terms, int last)
    {
        for (var slot = Grid.IdxX; slot < slots; slot += Grid.DimX)
        {
            var (lower, equal) = (0, 0);
            for (var source = 0; source < sources; source++)
            {
                var meta = *(long*)(incoming + (source * 8L)) + metaOffset;
                for (var entry = 0; entry < counts[source] * terms; entry++)
                {
                    var other = *(int*)SlotAddress(meta, entry / terms, entry % terms, metaInts);
                    lower += (uint)other < (uint)slot ? 1 : 0;
                    equal += other == slot ? 1 : 0;
                }
            }

            WriteOffsets(offsets, slot, slots, lower, equal);
            var flat = 0;
            for (var source = 0; source < sources; source++)
            {
                var meta = *(long*)(incoming + (source * 8L)) + metaOffset;
                for (var entry = 0; entry < counts[source] * terms; entry++, flat++)
                {
                    if (*(int*)SlotAddress(meta, entry / terms, entry % terms, metaInts) == slot)
                        *(int*)(places + (flat * 4L)) = Smaller(lower++, last);
                }
            }
        }
    }

    private static void RunWarps(ArrayView<int> counts, long incoming, long metaOffset, long places, long offsets, int sources, int slots, int metaInts, int terms, int all, int last)
    {
        var lowerOf = SharedMemory.Allocate<int>(Warps.Lanes);
        var equalOf = SharedMemory.Allocate<int>(Warps.Lanes);

        // Each warp has a run of the rows of all sources, so the order of warps is the order of rows.
        var share = (all + Warps.Count - 1) / Warps.Count;
        CudaAsm.Emit(PlacePtx.Declare);
        CudaAsm.Emit("mov.b32 plast, %0;", last); // slots are read twice: places stay inside the list also where a member changes them
        for (var slot = Grid.IdxX; slot < slots; slot += Grid.DimX)
        {
            CudaAsm.Emit("mov.b32 plower, 0; mov.b32 pequal, 0;");
            Walk(counts, incoming, metaOffset, places, sources, slot, share, metaInts, terms, isWriting: false);
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
                WriteOffsets(offsets, slot, slots, first, total);
            CudaAsm.Emit("mov.b32 pnext, %0;", first + before);
            if (total != 0)
                Walk(counts, incoming, metaOffset, places, sources, slot, share, metaInts, terms, isWriting: true);
            Group.Barrier(); // the sums are used again
        }
    }

    /// <summary>
    /// Counts the entries of the warp's rows, or writes their places. Lanes have entries that follow each other, of as many rows as a warp
    /// has lanes for, and eight of them are in flight.
    /// </summary>
    private static void Walk(ArrayView<int> counts, long incoming, long metaOffset, long places, int sources, int slot, int share, int metaInts, int terms, bool isWriting)
    {
        var step = Warps.Lanes / terms;
        var lane = Warps.Lane / terms;
        var skipped = lane < step ? lane : NoRow;
        var begin = Warps.Index * share;
        var list = places;
        for (var source = 0; source < sources; source++)
        {
            var meta = *(long*)(incoming + (source * 8L)) + metaOffset;
            var rows = counts[source];
            var end = Smaller(begin + share, rows);
            for (var row = Larger(begin, 0); row < end; row += step * Batch)
            {
                var from = SlotAddress(meta, row + lane, Warps.Lane - (lane * terms), metaInts);
                CudaAsm.Emit(PlacePtx.Load, from, step * metaInts * 4L, end - row - skipped, step);
                if (isWriting)
                    CudaAsm.Emit(PlacePtx.Write, slot, list + (((row * terms) + Warps.Lane) * 4L), step * terms * 4L);
                else
                    CudaAsm.Emit(PlacePtx.Count, slot);
            }

            begin -= rows;
            list += (long)rows * terms * 4;
        }
    }

    private static void WriteOffsets(long offsets, int slot, int slots, int first, int count)
    {
        *(int*)(offsets + (slot * 4L)) = first;
        if (slot == slots - 1)
            *(int*)(offsets + (slots * 4L)) = first + count;
    }

    private static long SlotAddress(long meta, int row, int j, int metaInts) => meta + DispatchKernels.MetaHeader + ((((long)row * metaInts) + 1 + j) * 4);

    private static int Smaller(int a, int b) => a < b ? a : b;

    private static int Larger(int a, int b) => a > b ? a : b;
}
