using ILGPU;
using ILGPU.Runtime.Cuda;

namespace ElasticEp.Cuda.Kernels;

/// <summary>
/// Weighted sums of rows in the order of their terms, with the bits of the processor's kernels: one fused multiply-add a term in
/// binary32 from zero on, then one rounding. A warp sums 512 bytes of a row at a time, up to eight rows in flight in each lane.
/// </summary>
internal static unsafe class SumKernels
{
    private const int ChunkBytes = 512;
    private const int ChunkShift = 9;
    private const int Batch = 8;

    /// <summary>Pieces of a row that one warp sums.</summary>
    public static int Chunks(int rowBytes) => (rowBytes + ChunkBytes - 1) >> ChunkShift;

    /// <summary>
    /// output[t] = Σ weights[t][j] · rows[index[t][j]] for bfloat16; terms with an index below zero are skipped. Row t of the weights
    /// begins at t · <paramref name="weightStride"/> numbers. The divisor is that of <see cref="RowPieces"/>.
    /// </summary>
    public static void BFloat16(long rows, long index, long weights, long output, long counts, int count, int terms, int rowBytes, int weightStride, int divisor)
    {
        Predecessor.Wait();
        if (!CudaAsm.IsSupported)
        {
            Scalar(rows, index, weights, output, RowAddress.Count(counts, count), terms, rowBytes, weightStride, 2);
            return;
        }

        CudaAsm.Emit(SumPtx.Declare);
        var chunks = Chunks(rowBytes);
        var items = RowAddress.Count(counts, count) * chunks;
        for (var item = (Grid.IdxX * Warps.Count) + Warps.Index; item < items; item += Grid.DimX * Warps.Count)
        {
            var row = RowPieces.RowOf(item, chunks, divisor);
            var offset = ((item - (row * chunks)) << ChunkShift) + (Warps.Lane << 4);
            var numbers = index + (row * terms * 4L);
            var factors = weights + (row * weightStride * 4L);
            CudaAsm.Emit(SumPtx.Clear);
            for (var first = 0; first < terms; first += Batch)
                CudaAsm.Emit(SumPtx.AddBFloat16, rows + offset, numbers + (first * 4L), factors + (first * 4L), rowBytes, terms - first, rowBytes - offset);
            CudaAsm.Emit(SumPtx.StoreBFloat16, output + ((long)row * rowBytes) + offset, rowBytes - offset);
        }
    }

    /// <summary>The same for binary32.</summary>
    public static void Float32(long rows, long index, long weights, long output, long counts, int count, int terms, int rowBytes, int weightStride, int divisor)
    {
        Predecessor.Wait();
        if (!CudaAsm.IsSupported)
        {
            Scalar(rows, index, weights, output, RowAddress.Count(counts, count), terms, rowBytes, weightStride, 4);
            return;
        }

        CudaAsm.Emit(SumPtx.Declare);
        var chunks = Chunks(rowBytes);
        var items = RowAddress.Count(counts, count) * chunks;
        for (var item = (Grid.IdxX * Warps.Count) + Warps.Index; item < items; item += Grid.DimX * Warps.Count)
        {
            var row = RowPieces.RowOf(item, chunks, divisor);
            var offset = ((item - (row * chunks)) << ChunkShift) + (Warps.Lane << 4);
            var numbers = index + (row * terms * 4L);
            var factors = weights + (row * weightStride * 4L);
            CudaAsm.Emit(SumPtx.Clear);
            for (var first = 0; first < terms; first += Batch)
                CudaAsm.Emit(SumPtx.AddFloat32, rows + offset, numbers + (first * 4L), factors + (first * 4L), rowBytes, terms - first, rowBytes - offset);
            CudaAsm.Emit(SumPtx.StoreFloat32, output + ((long)row * rowBytes) + offset, rowBytes - offset);
        }
    }

    private static void Scalar(long rows, long index, long weights, long output, int count, int terms, int rowBytes, int weightStride, int size)
    {
        var hidden = rowBytes / size;
        var items = (long)count * hidden;
        for (var item = ((long)Grid.IdxX * Group.DimX) + Group.IdxX; item < items; item += (long)Grid.DimX * Group.DimX)
        {
            var row = item / hidden;
            var element = item - (row * hidden);
            var sum = 0f;
            for (var j = 0; j < terms; j++)
            {
                var number = *(int*)(index + (((row * terms) + j) * 4));
                if (number < 0)
                    continue;
                var at = rows + ((long)number * rowBytes) + (element * size);
                var value = size == 2 ? DeviceMath.FromBits((uint)*(ushort*)at << 16) : *(float*)at;
                sum = DeviceMath.FusedMultiplyAdd(*(float*)(weights + (((row * weightStride) + j) * 4)), value, sum);
            }

            var result = output + (row * rowBytes) + (element * size);
            if (size == 2)
                *(ushort*)result = (ushort)DeviceMath.ToBFloat16(sum);
            else
                *(float*)result = DeviceMath.Canonical(sum);
        }
    }
}
