using ILGPU;
using ILGPU.Runtime.Cuda;

namespace ElasticEp.Cuda.Kernels;

/// <summary>
/// Waits for what members have sent and copies it slot after slot, in one kernel: what <see cref="PlaceKernel"/> and
/// <see cref="CopyKernels.Spread"/> do in two. Every block counts all entries, and numbers those of its own rows; so it is for few rows.
/// </summary>
internal static unsafe class ReceiveKernels
{
    /// <summary>Most slots.</summary>
    public const int MaxSlots = 2048;

    /// <summary>Entries of rows that a block has numbered at the same time.</summary>
    private const int Entries = 512;

    /// <summary>Rows as they are. The divisor is that of <see cref="RowPieces"/>; for the rest see <see cref="PlaceKernel.Run"/>.</summary>
    public static void Rows(long control, long incoming, long outgoing, long metaOffset, long rowsOffset, long combineOffset, long lists, int capacity, long places, long offsets, long received, long homeOf, long target, int flagOffset, int layer, int slots, int terms, int isPreReduced, int rowBytes, int mostTokens, int divisor)
    {
        var next = SharedMemory.Allocate<int>(MaxSlots);
        var total = SharedMemory.Allocate<int>(MaxSlots);
        var own = SharedMemory.Allocate<int>(Entries);
        var from = SharedMemory.Allocate<long>(Entries);
        var ways = SharedMemory.Allocate<long>(Entries);
        var counts = SharedMemory.Allocate<int>(ReceivedRows.MaxMembers);
        var windows = SharedMemory.Allocate<long>(ReceivedRows.MaxMembers);
        var back = SharedMemory.Allocate<long>(ReceivedRows.MaxMembers);
        ReceivedRows.Prepare(next, total, windows, back, control, incoming, outgoing, slots);
        if (!Signals.Wait(control, incoming, flagOffset, Signals.Dispatch, layer))
        {
            RowTotals.ClearIfFailed(control, offsets, received, slots);
            return;
        }

        Predecessor.LaunchNext();
        if (CudaAsm.IsSupported)
        {
            CudaAsm.Emit(CopyPtx.Declare);
            CudaAsm.Emit(PlacePtx.Declare);
        }

        var segments = CopyKernels.Segments(rowBytes);
        var all = ReceivedRows.Count(counts, windows, control, metaOffset, offsets, received, layer, slots, mostTokens);
        var share = ((all * segments) + Grid.DimX - 1) / Grid.DimX;
        var first = Grid.IdxX * share;
        var last = first + share < all * segments ? first + share : all * segments;
        if (first >= last && Grid.IdxX != 0)
            return;
        var firstRow = RowPieces.RowOf(first, segments, divisor);
        var item = first + Warps.Index;
        if (CudaAsm.IsSupported && item < last) // on its way while the block finds where it goes
        {
            var row = RowPieces.RowOf(item, segments, divisor);
            var found = ReceivedRows.Find(counts, row);
            var offset = ((item - (row * segments)) << CopyKernels.SegmentShift) + (Warps.Lane << 4);
            CudaAsm.Emit(CopyPtx.Load, windows[(int)(found >> 32)] + rowsOffset + ((long)(int)found * rowBytes) + offset, rowBytes - offset);
        }

        ReceivedRows.FindStarts(next, total, counts, windows, control, metaOffset, offsets, received, layer, slots, terms, isPreReduced, all, firstRow);
        var endRow = first < last ? RowPieces.RowOf(last - 1, segments, divisor) + 1 : firstRow;
        for (var row = firstRow; row < endRow; row += Entries / terms)
        {
            var here = endRow - row < Entries / terms ? endRow - row : Entries / terms;
            var noted = row * segments < first ? row + 1 : row; // a row is noted by the block that has its first piece
            ReceivedRows.Number(next, own, from, ways, counts, windows, back, control, metaOffset, rowsOffset, combineOffset, lists, capacity, places, offsets, received, homeOf, layer, slots, terms, isPreReduced, rowBytes, rowBytes, mostTokens, row, here, noted);
            var begin = first > row * segments ? first : row * segments;
            var end = last < (row + here) * segments ? last : (row + here) * segments;
            if (CudaAsm.IsSupported)
                CopyPieces(own, from, target, row, begin, end, segments, terms, rowBytes, divisor, isLoaded: row == firstRow);
            else
                CopyScalar(own, from, target, row, begin, end, segments, terms, rowBytes);
            Group.Barrier(); // the numbers are used again
        }

        if (Grid.IdxX == 0)
            RowTotals.ClearIfFailed(control, offsets, received, slots);
    }

    /// <summary>Rows of e4m3, converted to bfloat16.</summary>
    public static void Float8(long control, long incoming, long outgoing, long metaOffset, long rowsOffset, long combineOffset, long lists, int capacity, long places, long offsets, long received, long homeOf, long target, int flagOffset, int layer, int slots, int terms, int isPreReduced, int hidden, int mostTokens, int divisor)
    {
        var next = SharedMemory.Allocate<int>(MaxSlots);
        var total = SharedMemory.Allocate<int>(MaxSlots);
        var own = SharedMemory.Allocate<int>(Entries);
        var from = SharedMemory.Allocate<long>(Entries);
        var ways = SharedMemory.Allocate<long>(Entries);
        var counts = SharedMemory.Allocate<int>(ReceivedRows.MaxMembers);
        var windows = SharedMemory.Allocate<long>(ReceivedRows.MaxMembers);
        var back = SharedMemory.Allocate<long>(ReceivedRows.MaxMembers);
        ReceivedRows.Prepare(next, total, windows, back, control, incoming, outgoing, slots);
        if (!Signals.Wait(control, incoming, flagOffset, Signals.Dispatch, layer))
        {
            RowTotals.ClearIfFailed(control, offsets, received, slots);
            return;
        }

        Predecessor.LaunchNext();
        if (CudaAsm.IsSupported)
        {
            CudaAsm.Emit(ExpandPtx.Declare);
            CudaAsm.Emit(PlacePtx.Declare);
        }

        var segments = Float8Kernels.Segments(hidden);
        var all = ReceivedRows.Count(counts, windows, control, metaOffset, offsets, received, layer, slots, mostTokens);
        var share = ((all * segments) + Grid.DimX - 1) / Grid.DimX;
        var first = Grid.IdxX * share;
        var last = first + share < all * segments ? first + share : all * segments;
        if (first >= last && Grid.IdxX != 0)
            return;
        var firstRow = RowPieces.RowOf(first, segments, divisor);
        ReceivedRows.FindStarts(next, total, counts, windows, control, metaOffset, offsets, received, layer, slots, terms, isPreReduced, all, firstRow);
        var endRow = first < last ? RowPieces.RowOf(last - 1, segments, divisor) + 1 : firstRow;
        for (var row = firstRow; row < endRow; row += Entries / terms)
        {
            var here = endRow - row < Entries / terms ? endRow - row : Entries / terms;
            var noted = row * segments < first ? row + 1 : row;
            ReceivedRows.Number(next, own, from, ways, counts, windows, back, control, metaOffset, rowsOffset, combineOffset, lists, capacity, places, offsets, received, homeOf, layer, slots, terms, isPreReduced, Float8Row.Bytes(hidden), hidden * 2, mostTokens, row, here, noted);
            var begin = first > row * segments ? first : row * segments;
            var end = last < (row + here) * segments ? last : (row + here) * segments;
            if (CudaAsm.IsSupported)
                ExpandPieces(own, from, target, row, begin, end, segments, terms, hidden, divisor);
            else
                ExpandScalar(own, from, target, row, begin, end, segments, terms, hidden);
            Group.Barrier();
        }

        if (Grid.IdxX == 0)
            RowTotals.ClearIfFailed(control, offsets, received, slots);
    }

    private static void CopyPieces(ArrayView<int> own, ArrayView<long> from, long target, int firstRow, int begin, int end, int segments, int terms, int rowBytes, int divisor, bool isLoaded)
    {
        for (var item = begin + Warps.Index; item < end; item += Warps.Count)
        {
            var row = RowPieces.RowOf(item, segments, divisor);
            var offset = ((item - (row * segments)) << CopyKernels.SegmentShift) + (Warps.Lane << 4);
            if (!isLoaded)
                CudaAsm.Emit(CopyPtx.Load, from[row - firstRow] + offset, rowBytes - offset);
            isLoaded = false;
            var place = Warps.Lane < terms ? own[((row - firstRow) * terms) + Warps.Lane] : -1;
            for (var lanes = Warps.Ballot(place < 0 ? 0 : 1); lanes != 0; lanes &= lanes - 1)
                CudaAsm.Emit(CopyPtx.Store, target + ((long)Warps.Broadcast(place, Warps.Lowest(lanes)) * rowBytes) + offset);
        }
    }

    private static void ExpandPieces(ArrayView<int> own, ArrayView<long> from, long target, int firstRow, int begin, int end, int segments, int terms, int hidden, int divisor)
    {
        for (var item = begin + Warps.Index; item < end; item += Warps.Count)
        {
            var row = RowPieces.RowOf(item, segments, divisor);
            var value = ((item - (row * segments)) << Float8Kernels.SegmentShift) + (Warps.Lane << 3);
            var values = from[row - firstRow];
            CudaAsm.Emit(ExpandPtx.Load, values + value, values + hidden + ((value >> 7) << 2), hidden - value);
            var place = Warps.Lane < terms ? own[((row - firstRow) * terms) + Warps.Lane] : -1;
            for (var lanes = Warps.Ballot(place < 0 ? 0 : 1); lanes != 0; lanes &= lanes - 1)
                CudaAsm.Emit(ExpandPtx.Store, target + ((((long)Warps.Broadcast(place, Warps.Lowest(lanes)) * hidden) + value) * 2));
        }
    }

    private static void CopyScalar(ArrayView<int> own, ArrayView<long> from, long target, int firstRow, int begin, int end, int segments, int terms, int rowBytes)
    {
        for (var item = begin + Group.IdxX; item < end; item += Group.DimX)
        {
            var row = item / segments;
            var start = (item - (row * segments)) << CopyKernels.SegmentShift;
            var bytes = rowBytes - start < 1 << CopyKernels.SegmentShift ? rowBytes - start : 1 << CopyKernels.SegmentShift;
            for (var j = 0; j < terms; j++)
            {
                var place = own[((row - firstRow) * terms) + j];
                if (place >= 0)
                    CopyKernels.Copy(from[row - firstRow] + start, target + ((long)place * rowBytes) + start, bytes);
            }
        }
    }

    private static void ExpandScalar(ArrayView<int> own, ArrayView<long> from, long target, int firstRow, int begin, int end, int segments, int terms, int hidden)
    {
        for (var item = begin + Group.IdxX; item < end; item += Group.DimX)
        {
            var row = item / segments;
            var group = (item - (row * segments)) << (Float8Kernels.SegmentShift - 7);
            for (var j = 0; j < terms; j++)
            {
                var place = own[((row - firstRow) * terms) + j];
                for (var i = group; place >= 0 && i < group + 8 && i < hidden / Float8Row.GroupValues; i++)
                    Float8Kernels.ExpandGroup(from[row - firstRow], target + ((long)place * hidden * 2), i, hidden, 2);
            }
        }
    }
}
