using ILGPU;
using ILGPU.Runtime.Cuda;

namespace ElasticEp.Cuda.Kernels;

/// <summary>
/// Where a block of <see cref="ReceiveKernels"/> puts its rows, which follow each other. A place is: entries of lower slots, entries of the
/// slot in rows before the block's, and those before it in the block. The first two are counts, for which order does not matter.
/// </summary>
internal static unsafe class ReceivedRows
{
    /// <summary>Rows of all members.</summary>
    public static int Count(long control, long incoming, long metaOffset, int mostTokens)
    {
        var members = *(int*)(control + ExchangeControl.Members);
        var all = 0;
        if (!CudaAsm.IsSupported)
        {
            for (var member = 0; member < members; member++)
                all += Of(*(long*)(incoming + (member * 8L)) + metaOffset, mostTokens);
            return all;
        }

        for (var first = 0; first < members; first += Warps.Lanes)
        {
            var member = first + Warps.Lane;
            all += Warps.Sum(member < members ? Of(*(long*)(incoming + (member * 8L)) + metaOffset, mostTokens) : 0);
        }

        return all;
    }

    /// <summary>
    /// Counts entries by slot; <paramref name="next"/> then holds for each slot the place of its next entry in the rows from
    /// <paramref name="firstRow"/> on. Block 0 writes where slots begin, and how many rows there are.
    /// </summary>
    public static void FindStarts(ArrayView<int> next, ArrayView<int> total, long control, long incoming, long metaOffset, long offsets, long received, int layer, int slots, int terms, int isPreReduced, int mostTokens, int all, int firstRow)
    {
        for (var slot = Group.IdxX; slot < slots; slot += Group.DimX)
            (next[slot], total[slot]) = (0, 0);
        Group.Barrier();
        var members = *(int*)(control + ExchangeControl.Members);
        var metaInts = DispatchKernels.MetaInts(terms, isPreReduced);
        var step = Group.DimX / terms;
        var lane = Group.IdxX / terms;
        var flat = 0;
        for (var member = 0; member < members; member++)
        {
            var meta = *(long*)(incoming + (member * 8L)) + metaOffset;
            var rows = Of(meta, mostTokens);
            var fault = rows == *(int*)meta ? 0 : 1;
            var slot = SlotAddress(meta, 0, Group.IdxX - (lane * terms), metaInts);
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
                Signals.Fail(control, layer, ExchangeFailure.Description, member);
            flat += rows;
        }

        Group.Barrier();
        if (CudaAsm.IsSupported ? Warps.Index == 0 : Group.IdxX == 0)
            Accumulate(next, total, offsets, received, slots, all);
        Group.Barrier();
    }

    /// <summary>
    /// Numbers the entries of rows: <paramref name="own"/> gets their places or −1, <paramref name="from"/> the rows' addresses. From row
    /// <paramref name="noted"/> on it writes what the return will need.
    /// </summary>
    public static void Number(ArrayView<int> next, ArrayView<int> own, ArrayView<long> from, ArrayView<long> ways, long control, long incoming, long outgoing, long metaOffset, long rowsOffset, long combineOffset, long lists, int capacity, long places, long homeOf, int layer, int slots, int terms, int isPreReduced, int sentBytes, int rowBytes, int mostTokens, int firstRow, int count, int noted)
    {
        var metaInts = DispatchKernels.MetaInts(terms, isPreReduced);
        for (var entry = Group.IdxX; entry < count * terms; entry += Group.DimX)
        {
            var row = entry / terms;
            var j = entry - (row * terms);
            var at = firstRow + row;
            var member = 0;
            var meta = *(long*)incoming + metaOffset;
            for (var rows = Of(meta, mostTokens); at >= rows; rows = Of(meta, mostTokens))
            {
                at -= rows;
                member++;
                meta = *(long*)(incoming + (member * 8L)) + metaOffset;
            }

            var description = SlotAddress(meta, at, -1, metaInts);
            var slot = *(int*)(description + ((1L + j) * 4));
            own[entry] = (uint)slot < (uint)slots ? slot : -1;
            var back = *(long*)(outgoing + (member * 8L)) + combineOffset;
            var token = *(int*)description;
            if ((uint)token >= (uint)mostTokens)
                Signals.Fail(control, layer, ExchangeFailure.Description, member);
            ways[entry] = back + ((((long)token * terms) + j) * rowBytes);
            if (j != 0)
                continue;
            from[row] = meta - metaOffset + rowsOffset + ((long)at * sentBytes);
            if (isPreReduced == 0 || firstRow + row < noted)
                continue;
            *(long*)(lists + ((capacity + (long)firstRow + row) * 8)) = back + ((long)at * rowBytes);
            *(long*)(lists + (((capacity * 2L) + firstRow + row) * 8)) = description + ((1 + terms) * 4L);
        }

        Group.Barrier();
        if (CudaAsm.IsSupported && Warps.Index == 0)
            NumberWarp(next, own, count * terms);
        else if (!CudaAsm.IsSupported && Group.IdxX == 0)
            NumberScalar(next, own, count * terms);
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

    private static void NumberWarp(ArrayView<int> next, ArrayView<int> own, int entries)
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
                own[entry] = start + below;
            if (slot >= 0 && below == 0)
                next[slot] = start + Warps.CountBits(same);
            CudaAsm.Emit("bar.warp.sync 0xffffffff;");
        }
    }

    private static void NumberScalar(ArrayView<int> next, ArrayView<int> own, int entries)
    {
        for (var entry = 0; entry < entries; entry++)
        {
            var slot = own[entry];
            if (slot >= 0)
                own[entry] = next[slot]++;
        }
    }

    /// <summary>Rows of a member; none where there are more than fit.</summary>
    private static int Of(long meta, int most) => (uint)*(int*)meta <= (uint)most ? *(int*)meta : 0;

    private static long SlotAddress(long meta, int row, int j, int metaInts) => meta + DispatchKernels.MetaHeader + ((((long)row * metaInts) + 1 + j) * 4);
}
