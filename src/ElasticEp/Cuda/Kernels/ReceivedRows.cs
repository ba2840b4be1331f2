using ILGPU;
using ILGPU.Runtime.Cuda;

namespace ElasticEp.Cuda.Kernels;

/// <summary>
/// Where a block of <see cref="ReceiveKernels"/> puts its rows, which follow each other. A place is: entries of lower slots, entries of the
/// slot in rows before the block's, and those before it in the block. The first two are counts, for which order does not matter.
/// </summary>
internal static unsafe class ReceivedRows
{
    /// <summary>Most members.</summary>
    public const int MaxMembers = 256;

    /// <summary>Before anything has come: windows of members, which no kernel of a step writes, and counts of zero.</summary>
    public static void Prepare(ArrayView<int> next, ArrayView<int> total, ArrayView<long> windows, ArrayView<long> ways, long control, long incoming, long outgoing, int slots)
    {
        for (var slot = Group.IdxX; slot < slots; slot += Group.DimX)
            (next[slot], total[slot]) = (0, 0);
        for (var member = Group.IdxX; member < *(int*)(control + ExchangeControl.Members); member += Group.DimX)
            (windows[member], ways[member]) = (*(long*)(incoming + (member * 8L)), *(long*)(outgoing + (member * 8L)));
    }

    /// <summary>
    /// Rows of each member, none where there are more than fit; returns the sum. They are read once: a member that writes them anew does not
    /// move this block beyond its lists.
    /// </summary>
    public static int Count(ArrayView<int> counts, ArrayView<long> windows, long control, long metaOffset, long offsets, long received, int layer, int slots, int mostTokens)
    {
        var members = *(int*)(control + ExchangeControl.Members);
        for (var member = Group.IdxX; member < members; member += Group.DimX)
        {
            var rows = *(int*)(windows[member] + metaOffset);
            var fits = (uint)rows <= (uint)mostTokens;
            counts[member] = fits ? rows : 0;
            if (!fits)
                RowTotals.Refuse(control, layer, member, offsets, received, slots);
        }

        Group.Barrier();
        var all = 0;
        for (var member = 0; member < members; member++)
            all += counts[member];
        return all;
    }

    /// <summary>The member that a row is of, and its number there, as member · 2³² + number.</summary>
    public static long Find(ArrayView<int> counts, int row)
    {
        var member = 0;
        for (; row >= counts[member]; member++)
            row -= counts[member];
        return ((long)member << 32) | (uint)row;
    }

    /// <summary>
    /// Counts entries by slot; <paramref name="next"/> then holds for each slot the place of its next entry in the rows from
    /// <paramref name="firstRow"/> on. Block 0 writes where slots begin, and how many rows there are.
    /// </summary>
    public static void FindStarts(ArrayView<int> next, ArrayView<int> total, ArrayView<int> counts, ArrayView<long> windows, long control, long metaOffset, long offsets, long received, int layer, int slots, int terms, int isPreReduced, int all, int firstRow)
    {
        var members = *(int*)(control + ExchangeControl.Members);
        var metaInts = DispatchKernels.MetaInts(terms, isPreReduced);
        var step = Group.DimX / terms;
        var lane = Group.IdxX / terms;
        var flat = 0;
        for (var member = 0; member < members; member++)
        {
            var rows = counts[member];
            var fault = 0;
            var slot = SlotAddress(windows[member] + metaOffset, 0, Group.IdxX - (lane * terms), metaInts);
            if (CudaAsm.IsSupported)
            {
                for (var row = lane; lane < step && row < rows; row += step * PlacePtx.Batch)
                {
                    CudaAsm.Emit(PlacePtx.Load, slot + ((long)row * metaInts * 4), step * metaInts * 4L, rows - row, step);
                    CudaAsm.Emit(PlacePtx.First, out int slot0);
                    CudaAsm.Emit(PlacePtx.Second, out int slot1);
                    CudaAsm.Emit(PlacePtx.Third, out int slot2);
                    CudaAsm.Emit(PlacePtx.Fourth, out int slot3);
                    CudaAsm.Emit(PlacePtx.Fifth, out int slot4);
                    CudaAsm.Emit(PlacePtx.Sixth, out int slot5);
                    CudaAsm.Emit(PlacePtx.Seventh, out int slot6);
                    CudaAsm.Emit(PlacePtx.Eighth, out int slot7);
                    var left = firstRow - flat - row; // rows from this one to the block's
                    fault |= Add(next, total, slot0, slots, left) | Add(next, total, slot1, slots, left - step);
                    fault |= Add(next, total, slot2, slots, left - (2 * step)) | Add(next, total, slot3, slots, left - (3 * step));
                    fault |= Add(next, total, slot4, slots, left - (4 * step)) | Add(next, total, slot5, slots, left - (5 * step));
                    fault |= Add(next, total, slot6, slots, left - (6 * step)) | Add(next, total, slot7, slots, left - (7 * step));
                }
            }
            else
            {
                for (var row = lane; lane < step && row < rows; row += step)
                    fault |= Add(next, total, *(int*)(slot + ((long)row * metaInts * 4)), slots, firstRow - flat - row);
            }

            if (fault != 0)
                RowTotals.Refuse(control, layer, member, offsets, received, slots);
            flat += rows;
        }

        Group.Barrier();
        if (CudaAsm.IsSupported ? Warps.Index == 0 : Group.IdxX == 0)
            Accumulate(next, total, offsets, received, slots, all);
        Group.Barrier();
    }

    /// <summary>
    /// Numbers the entries of rows: <paramref name="own"/> gets their places or −1, <paramref name="from"/> the rows' addresses. From row
    /// <paramref name="noted"/> on it writes what the return will need. Slots are read a second time here: places stay inside the lists also
    /// where a member has changed them since.
    /// </summary>
    public static void Number(ArrayView<int> next, ArrayView<int> own, ArrayView<long> from, ArrayView<long> ways, ArrayView<int> counts, ArrayView<long> windows, ArrayView<long> outgoing, long control, long metaOffset, long rowsOffset, long combineOffset, long lists, int capacity, long places, long offsets, long received, long homeOf, int layer, int slots, int terms, int isPreReduced, int sentBytes, int rowBytes, int mostTokens, int firstRow, int count, int noted)
    {
        var metaInts = DispatchKernels.MetaInts(terms, isPreReduced);
        for (var entry = Group.IdxX; entry < count * terms; entry += Group.DimX)
        {
            var row = entry / terms;
            var j = entry - (row * terms);
            var found = Find(counts, firstRow + row);
            var member = (int)(found >> 32);
            var at = (int)found;
            var description = SlotAddress(windows[member] + metaOffset, at, -1, metaInts);
            var slot = *(int*)(description + ((1L + j) * 4));
            var back = outgoing[member] + combineOffset;
            var token = *(int*)description;
            var fits = (uint)token < (uint)mostTokens;
            own[entry] = fits && (uint)slot < (uint)slots ? slot : -1;
            if (!fits)
                RowTotals.Refuse(control, layer, member, offsets, received, slots);
            ways[entry] = back + ((((long)token * terms) + j) * rowBytes);
            if (j != 0)
                continue;
            from[row] = windows[member] + rowsOffset + ((long)at * sentBytes);
            if (isPreReduced == 0 || firstRow + row < noted)
                continue;
            *(long*)(lists + ((capacity + (long)firstRow + row) * 8)) = back + ((long)at * rowBytes);
            *(long*)(lists + (((capacity * 2L) + firstRow + row) * 8)) = description + ((1 + terms) * 4L);
        }

        Group.Barrier();
        if (CudaAsm.IsSupported && Warps.Index == 0)
            NumberWarp(next, own, count * terms, capacity * terms);
        else if (!CudaAsm.IsSupported && Group.IdxX == 0)
            NumberScalar(next, own, count * terms, capacity * terms);
        Group.Barrier();
        for (var entry = Group.IdxX; entry < count * terms; entry += Group.DimX)
        {
            if (firstRow + (entry / terms) < noted)
                continue;
            if (isPreReduced != 0)
                *(int*)(places + ((((long)firstRow * terms) + entry) * 4)) = own[entry];
            else if (own[entry] >= 0)
                *(long*)(homeOf + (own[entry] * 8L)) = ways[entry];
        }
    }

    /// <summary>Counts an entry; 1 where the slot is none of this rank's.</summary>
    private static int Add(ArrayView<int> next, ArrayView<int> total, int slot, int slots, int left)
    {
        if ((uint)slot < (uint)slots)
        {
            Atomic.Add(ref total[slot], 1);
            if (left > 0)
                Atomic.Add(ref next[slot], 1);
        }

        return slot >= slots ? 1 : 0;
    }

    private static void Accumulate(ArrayView<int> next, ArrayView<int> total, long offsets, long received, int slots, int all)
    {
        var sum = 0;
        if (CudaAsm.IsSupported)
        {
            for (var first = 0; first < slots; first += Warps.Lanes)
            {
                var slot = first + Warps.Lane;
                var count = slot < slots ? total[slot] : 0;
                var scanned = Warps.Scan(count);
                if (slot < slots)
                    Begin(next, offsets, slot, sum + scanned - count);
                sum += Warps.Broadcast(scanned, Warps.Lanes - 1);
            }
        }
        else
        {
            for (var slot = 0; slot < slots; slot++)
            {
                Begin(next, offsets, slot, sum);
                sum += total[slot];
            }
        }

        if (Grid.IdxX != 0 || Group.IdxX != 0)
            return;
        *(int*)(offsets + (slots * 4L)) = sum;
        *(int*)received = all;
    }

    private static void Begin(ArrayView<int> next, long offsets, int slot, int start)
    {
        next[slot] += start;
        if (Grid.IdxX == 0)
            *(int*)(offsets + (slot * 4L)) = start;
    }

    private static void NumberWarp(ArrayView<int> next, ArrayView<int> own, int entries, int most)
    {
        for (var first = 0; first < entries; first += Warps.Lanes)
        {
            var entry = first + Warps.Lane;
            var slot = entry < entries ? own[entry] : -1;
            var same = Warps.Match(slot);
            var below = Warps.CountBelow(same);
            var start = slot < 0 ? 0 : next[slot];
            CudaAsm.Emit("bar.warp.sync 0xffffffff;"); // all lanes have read before one writes
            if (slot >= 0)
                own[entry] = start + below < most ? start + below : -1;
            if (slot >= 0 && below == 0)
                next[slot] = start + Warps.CountBits(same);
            CudaAsm.Emit("bar.warp.sync 0xffffffff;");
        }
    }

    private static void NumberScalar(ArrayView<int> next, ArrayView<int> own, int entries, int most)
    {
        for (var entry = 0; entry < entries; entry++)
        {
            var slot = own[entry];
            if (slot < 0)
                continue;
            own[entry] = next[slot] < most ? next[slot] : -1;
            next[slot]++;
        }
    }

    private static long SlotAddress(long meta, int row, int j, int metaInts) => meta + DispatchKernels.MetaHeader + ((((long)row * metaInts) + 1 + j) * 4);
}
