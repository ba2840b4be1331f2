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
    private const int SegmentShift = 11;
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
        var items = RowAddress.Count(counts, count) * segments;
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
    /// Reads each row once and writes it to every place that its entries name (see <see cref="RowAddress.Of"/>): a token to its members,
    /// or a received row to its slots. Row y of the grid is one source.
    /// </summary>
    public static void Spread(long source, long sourceStride, long places, long areas, long listStride, long bases, long counts, int count, int terms, int rowBytes, int divisor)
    {
        Predecessor.Wait();
        var rows = source + (Grid.IdxY * sourceStride);
        var list = places + (Grid.IdxY * listStride);
        if (!CudaAsm.IsSupported)
        {
            SpreadScalar(rows, list, areas, bases, RowAddress.Count(counts, count), terms, rowBytes);
            return;
        }

        CudaAsm.Emit(CopyPtx.Declare);
        var segments = Segments(rowBytes);
        var items = RowAddress.Count(counts, count) * segments;
        for (var item = (Grid.IdxX * Warps.Count) + Warps.Index; item < items; item += Grid.DimX * Warps.Count)
        {
            var row = RowPieces.RowOf(item, segments, divisor);
            var offset = ((item - (row * segments)) << SegmentShift) + (Warps.Lane << 4);
            CudaAsm.Emit(CopyPtx.Load, rows + ((long)row * rowBytes) + offset, rowBytes - offset);
            var mine = Warps.Lane < terms ? RowAddress.Of(list, areas, bases, ((long)row * terms) + Warps.Lane, rowBytes) : 0L;
            for (var j = 0; j < terms; j++)
            {
                var target = Warps.Broadcast(mine, j);
                if (target != 0)
                    CudaAsm.Emit(CopyPtx.Store, target + offset);
            }
        }
    }

    /// <summary>
    /// Sends the rows of experts back: for each entry of a received row the row at its place goes to row token · k + entry of the region
    /// of its source, where the exact combine expects it. Row y of the grid is one source, of which <paramref name="regions"/> lists the
    /// address of the region.
    /// </summary>
    public static void Return(long rows, long places, long listStride, long meta, long metaStride, long regions, long counts, int count, int terms, int metaInts, int rowBytes, int divisor, int termDivisor)
    {
        Predecessor.Wait();
        var list = places + (Grid.IdxY * listStride);
        var descriptions = meta + (Grid.IdxY * metaStride);
        var region = *(long*)(regions + (Grid.IdxY * 8L));
        var entries = RowAddress.Count(counts, count) * terms;
        if (!CudaAsm.IsSupported)
        {
            ReturnScalar(rows, list, descriptions, region, entries, terms, metaInts, rowBytes);
            return;
        }

        CudaAsm.Emit(CopyPtx.Declare);
        var segments = Segments(rowBytes);
        for (var item = (Grid.IdxX * Warps.Count) + Warps.Index; item < entries * segments; item += Grid.DimX * Warps.Count)
        {
            var entry = RowPieces.RowOf(item, segments, divisor);
            var place = *(int*)(list + (entry * 4L));
            if (place < 0)
                continue;
            var row = RowPieces.RowOf(entry, terms, termDivisor);
            var token = *(int*)(descriptions + (row * metaInts * 4L));
            var offset = ((item - (entry * segments)) << SegmentShift) + (Warps.Lane << 4);
            CudaAsm.Emit(CopyPtx.Load, rows + ((long)place * rowBytes) + offset, rowBytes - offset);
            CudaAsm.Emit(CopyPtx.Store, region + ((long)((token * terms) + entry - (row * terms)) * rowBytes) + offset);
        }
    }

    private static void GatherScalar(long source, long from, long target, long counts, int count, int rowBytes)
    {
        var rows = RowAddress.Count(counts, count);
        for (var row = (Grid.IdxX * Group.DimX) + Group.IdxX; row < rows; row += Grid.DimX * Group.DimX)
        {
            var wanted = from == 0 ? row : *(int*)(from + (row * 4L));
            if (wanted >= 0)
                Copy(source + ((long)wanted * rowBytes), target + ((long)row * rowBytes), rowBytes);
        }
    }

    private static void SpreadScalar(long source, long places, long areas, long bases, int rows, int terms, int rowBytes)
    {
        for (var row = (Grid.IdxX * Group.DimX) + Group.IdxX; row < rows; row += Grid.DimX * Group.DimX)
        {
            for (var j = 0; j < terms; j++)
            {
                var target = RowAddress.Of(places, areas, bases, ((long)row * terms) + j, rowBytes);
                if (target != 0)
                    Copy(source + ((long)row * rowBytes), target, rowBytes);
            }
        }
    }

    private static void ReturnScalar(long rows, long places, long meta, long region, int entries, int terms, int metaInts, int rowBytes)
    {
        for (var entry = (Grid.IdxX * Group.DimX) + Group.IdxX; entry < entries; entry += Grid.DimX * Group.DimX)
        {
            var place = *(int*)(places + (entry * 4L));
            var token = *(int*)(meta + (entry / terms * metaInts * 4L));
            if (place >= 0)
                Copy(rows + ((long)place * rowBytes), region + ((long)((token * terms) + (entry % terms)) * rowBytes), rowBytes);
        }
    }

    private static void Copy(long source, long target, int bytes)
    {
        for (var i = 0; i < bytes; i += 4)
            *(int*)(target + i) = *(int*)(source + i);
    }
}
