using ILGPU;
using ILGPU.Runtime.Cuda;

namespace ElasticEp.Cuda.Kernels;

/// <summary>
/// Rows that move as they are; a row is a multiple of 16 bytes, at a multiple of 16. A warp moves 2 KiB of a row at a time, four loads
/// in flight in each lane; where that would leave multiprocessors idle, a gather moves 512 bytes. Rows may have come from a peer, so
/// they are never read through the read-only path.
/// </summary>
internal static unsafe class CopyKernels
{
    /// <summary>Binary logarithm of the bytes of a piece.</summary>
    public const int SegmentShift = 11;

    private const int SmallSegmentShift = 9;

    /// <summary>Pieces of a row that one warp moves.</summary>
    public static int Segments(int rowBytes) => Segments(rowBytes, SegmentShift);

    /// <summary>Pieces of a row of which each is 1 &lt;&lt; <paramref name="shift"/> bytes, the last one less.</summary>
    public static int Segments(int rowBytes, int shift) => (rowBytes + (1 << shift) - 1) >> shift;

    /// <summary>Binary logarithm of the bytes of a piece: small pieces where large ones would be fewer than <paramref name="warps"/>.</summary>
    public static int ShiftFor(int rows, int rowBytes, int warps) => (long)rows * Segments(rowBytes) < warps ? SmallSegmentShift : SegmentShift;

    /// <summary>
    /// target[i] = source[from[i]]; rows with from[i] &lt; 0 are left alone; without <paramref name="from"/> i itself. A warp moves
    /// 1 &lt;&lt; <paramref name="shift"/> bytes of a row at a time. The divisor is that of <see cref="RowPieces"/>.
    /// </summary>
    public static void Gather(long source, long from, long target, long counts, int count, int rowBytes, int shift, int divisor)
    {
        Predecessor.Wait();
        if (!CudaAsm.IsSupported)
        {
            GatherScalar(source, from, target, counts, count, rowBytes);
            return;
        }

        CudaAsm.Emit(CopyPtx.Declare);
        var segments = Segments(rowBytes, shift);
        var items = RowAddress.Count(counts, count, 0) * segments;
        for (var item = (Grid.IdxX * Warps.Count) + Warps.Index; item < items; item += Grid.DimX * Warps.Count)
        {
            var row = RowPieces.RowOf(item, segments, divisor);
            var start = (item - (row * segments)) << shift;
            var offset = start + (Warps.Lane << 4);
            var left = rowBytes - start < 1 << shift ? rowBytes - offset : (1 << shift) - (Warps.Lane << 4);
            var wanted = from == 0 ? row : *(int*)(from + (row * 4L));
            if (wanted < 0)
                continue;
            CudaAsm.Emit(CopyPtx.Load, source + ((long)wanted * rowBytes) + offset, left);
            CudaAsm.Emit(CopyPtx.Store, target + ((long)row * rowBytes) + offset);
        }
    }

    /// <summary>
    /// Reads each row once and writes it to every place that its entries name (see <see cref="RowAddress.Of(long, long, long, long, int)"/>):
    /// a token to its members, or a received row, from the address in <paramref name="from"/>, to its slots. With <paramref name="homeOf"/> it
    /// notes where the outputs go back; see <see cref="RowAddress.NoteHome"/>.
    /// </summary>
    public static void Spread(long source, long from, long places, long areas, long bases, long homes, long homeOf, long counts, int count, long control, int terms, int rowBytes, int divisor, int homeBytes)
    {
        Predecessor.Wait();
        if (!CudaAsm.IsSupported)
        {
            SpreadScalar(source, from, places, areas, bases, homes, homeOf, RowAddress.Count(counts, count, control), terms, rowBytes, homeBytes);
            return;
        }

        CudaAsm.Emit(CopyPtx.Declare);
        var segments = Segments(rowBytes);
        var items = RowAddress.Count(counts, count, control) * segments;
        for (var item = (Grid.IdxX * Warps.Count) + Warps.Index; item < items; item += Grid.DimX * Warps.Count)
        {
            var row = RowPieces.RowOf(item, segments, divisor);
            var segment = item - (row * segments);
            var offset = (segment << SegmentShift) + (Warps.Lane << 4);
            var address = RowAddress.Of(source, from, row, rowBytes);
            if (address == 0)
                continue;
            CudaAsm.Emit(CopyPtx.Load, address + offset, rowBytes - offset);
            var mine = Warps.Lane < terms ? RowAddress.Of(places, areas, bases, ((long)row * terms) + Warps.Lane, rowBytes) : 0L;
            if (homeOf != 0 && segment == 0 && Warps.Lane < terms)
                RowAddress.NoteHome(homes, homeOf, places, row, Warps.Lane, terms, homeBytes);
            for (var j = 0; j < terms; j++)
            {
                var target = Warps.Broadcast(mine, j);
                if (target != 0)
                    CudaAsm.Emit(CopyPtx.Store, target + offset);
            }
        }
    }

    /// <summary>Sends the outputs of experts back: row p to the address in <c>homeOf[p]</c>; then releases the layer's tag.</summary>
    public static void Return(long rows, long homeOf, long counts, int count, long control, long outgoing, int flagOffset, int lane, int layer, int rowBytes, int divisor)
    {
        Predecessor.Wait();
        if (!CudaAsm.IsSupported)
        {
            var rowsHere = RowAddress.Count(counts, count, control);
            ReturnScalar(rows, homeOf, rowsHere, rowBytes);
            Signals.Publish(control, outgoing, flagOffset, lane, Signals.Return, layer, hasFailed: false);
            return;
        }

        CudaAsm.Emit(CopyPtx.Declare);
        var segments = Segments(rowBytes);
        var item = (Warps.Index * Grid.DimX) + Grid.IdxX;
        var home = item < count * segments ? LoadReturned(rows, homeOf, item, segments, rowBytes, divisor) : 0L; // on its way while the number of rows is read
        var all = RowAddress.Count(counts, count, control);
        var hasFailed = all == 0 && Signals.HasFailed(control);
        Signals.Hold(control, Signals.Return, layer);
        if (item >= count * segments && item < all * segments)
            home = LoadReturned(rows, homeOf, item, segments, rowBytes, divisor);
        while (item < all * segments)
        {
            if (home != 0)
                CudaAsm.Emit(CopyPtx.Store, home);
            item += Grid.DimX * Warps.Count;
            if (item < all * segments)
                home = LoadReturned(rows, homeOf, item, segments, rowBytes, divisor);
        }

        Signals.Publish(control, outgoing, flagOffset, lane, Signals.Return, layer, hasFailed);
    }

    /// <summary>
    /// Loads a piece; returns the lane's part of where it goes. That is nowhere where a member has changed its rows after the tag, so that
    /// they were counted and not placed: the lists begin every view with zeros.
    /// </summary>
    private static long LoadReturned(long rows, long homeOf, int item, int segments, int rowBytes, int divisor)
    {
        var row = RowPieces.RowOf(item, segments, divisor);
        var offset = ((item - (row * segments)) << SegmentShift) + (Warps.Lane << 4);
        CudaAsm.Emit(CopyPtx.Load, rows + ((long)row * rowBytes) + offset, rowBytes - offset);
        var home = *(long*)(homeOf + (row * 8L));
        return home == 0 ? 0L : home + offset;
    }

    private static void GatherScalar(long source, long from, long target, long counts, int count, int rowBytes)
    {
        var rows = RowAddress.Count(counts, count, 0);
        for (var row = (Grid.IdxX * Group.DimX) + Group.IdxX; row < rows; row += Grid.DimX * Group.DimX)
        {
            var wanted = from == 0 ? row : *(int*)(from + (row * 4L));
            if (wanted >= 0)
                Copy(source + ((long)wanted * rowBytes), target + ((long)row * rowBytes), rowBytes);
        }
    }

    private static void SpreadScalar(long source, long from, long places, long areas, long bases, long homes, long homeOf, int rows, int terms, int rowBytes, int homeBytes)
    {
        for (var row = (Grid.IdxX * Group.DimX) + Group.IdxX; row < rows; row += Grid.DimX * Group.DimX)
        {
            for (var j = 0; j < terms; j++)
            {
                var target = RowAddress.Of(places, areas, bases, ((long)row * terms) + j, rowBytes);
                if (target != 0)
                    Copy(RowAddress.Of(source, from, row, rowBytes), target, rowBytes);
                if (homeOf != 0)
                    RowAddress.NoteHome(homes, homeOf, places, row, j, terms, homeBytes);
            }
        }
    }

    private static void ReturnScalar(long rows, long homeOf, int count, int rowBytes)
    {
        for (var row = (Grid.IdxX * Group.DimX) + Group.IdxX; row < count; row += Grid.DimX * Group.DimX)
        {
            if (*(long*)(homeOf + (row * 8L)) != 0)
                Copy(rows + ((long)row * rowBytes), *(long*)(homeOf + (row * 8L)), rowBytes);
        }
    }

    /// <summary>Copies by one thread.</summary>
    public static void Copy(long source, long target, int bytes)
    {
        for (var i = 0; i < bytes; i += 4)
            *(int*)(target + i) = *(int*)(source + i);
    }
}
