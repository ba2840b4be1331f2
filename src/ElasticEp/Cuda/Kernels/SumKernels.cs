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

    /// <summary>Values of a kernel's signal: rows lie ready, and nobody waits for the sums.</summary>
    public const int NoSignal = 0;

    /// <summary>Waits for the returns of all members before it reads rows.</summary>
    public const int WaitFirst = 1;

    /// <summary>Releases the layer's tag for returns when all sums are written.</summary>
    public const int PublishLast = 2;

    /// <summary>Pieces of a row that one warp sums.</summary>
    public static int Chunks(int rowBytes) => (rowBytes + ChunkBytes - 1) >> ChunkShift;

    /// <summary>
    /// output[t] = Σ weights[t][j] · rows[index[t][j]] for bfloat16; terms with an index below zero are skipped. Row t of the weights
    /// begins at t · <paramref name="weightStride"/> numbers, or at the address <c>weightsOf[t]</c>; the sum goes to <c>outputs[t]</c> where there is
    /// such a list. The divisor is that of <see cref="RowPieces"/>.
    /// </summary>
    public static void BFloat16(long rows, long index, long weights, long output, long weightsOf, long outputs, long counts, int count, int terms, int rowBytes, int weightStride, int divisor, long control, long windows, int signal, int flagOffset, int lane, int layer)
    {
        var all = signal == WaitFirst ? RowAddress.Count(counts, count, 0) : 0; // where rows came back it is the number of the own tokens
        if (signal != WaitFirst)
            Predecessor.WaitOnly();
        else if (!Signals.Wait(control, windows, flagOffset, Signals.Return, layer))
            return;
        Predecessor.LaunchNext();
        if (signal != WaitFirst)
            all = RowAddress.Count(counts, count, control);
        var hasFailed = all == 0 && signal == PublishLast && Signals.HasFailed(control);
        if (!CudaAsm.IsSupported)
        {
            Scalar(rows, index, weights, output, weightsOf, outputs, all, terms, rowBytes, weightStride, 2);
            if (signal == PublishLast)
                Signals.Publish(control, windows, flagOffset, lane, Signals.Return, layer, hasFailed);
            return;
        }

        CudaAsm.Emit(SumPtx.Declare);
        var chunks = Chunks(rowBytes);
        if (signal == PublishLast)
            Signals.Hold(control, Signals.Return, layer);
        var items = all * chunks;
        for (var item = (Grid.IdxX * Warps.Count) + Warps.Index; item < items; item += Grid.DimX * Warps.Count)
        {
            var row = RowPieces.RowOf(item, chunks, divisor);
            var offset = ((item - (row * chunks)) << ChunkShift) + (Warps.Lane << 4);
            var numbers = index + (row * terms * 4L);
            var factors = weightsOf == 0 ? weights + (row * weightStride * 4L) : *(long*)(weightsOf + (row * 8L));
            if (factors == 0)
                continue; // counted and not noted: a member has changed its number of rows after the tag
            CudaAsm.Emit(SumPtx.Clear);
            for (var first = 0; first < terms; first += Batch)
                CudaAsm.Emit(SumPtx.AddBFloat16, rows + offset, numbers + (first * 4L), factors + (first * 4L), rowBytes, terms - first, rowBytes - offset);
            CudaAsm.Emit(SumPtx.StoreBFloat16, RowAddress.Of(output, outputs, row, rowBytes) + offset, rowBytes - offset);
        }

        if (signal == PublishLast)
            Signals.Publish(control, windows, flagOffset, lane, Signals.Return, layer, hasFailed);
    }

    /// <summary>The same for binary32.</summary>
    public static void Float32(long rows, long index, long weights, long output, long weightsOf, long outputs, long counts, int count, int terms, int rowBytes, int weightStride, int divisor, long control, long windows, int signal, int flagOffset, int lane, int layer)
    {
        var all = signal == WaitFirst ? RowAddress.Count(counts, count, 0) : 0; // where rows came back it is the number of the own tokens
        if (signal != WaitFirst)
            Predecessor.WaitOnly();
        else if (!Signals.Wait(control, windows, flagOffset, Signals.Return, layer))
            return;
        Predecessor.LaunchNext();
        if (signal != WaitFirst)
            all = RowAddress.Count(counts, count, control);
        var hasFailed = all == 0 && signal == PublishLast && Signals.HasFailed(control);
        if (!CudaAsm.IsSupported)
        {
            Scalar(rows, index, weights, output, weightsOf, outputs, all, terms, rowBytes, weightStride, 4);
            if (signal == PublishLast)
                Signals.Publish(control, windows, flagOffset, lane, Signals.Return, layer, hasFailed);
            return;
        }

        CudaAsm.Emit(SumPtx.Declare);
        var chunks = Chunks(rowBytes);
        if (signal == PublishLast)
            Signals.Hold(control, Signals.Return, layer);
        var items = all * chunks;
        for (var item = (Grid.IdxX * Warps.Count) + Warps.Index; item < items; item += Grid.DimX * Warps.Count)
        {
            var row = RowPieces.RowOf(item, chunks, divisor);
            var offset = ((item - (row * chunks)) << ChunkShift) + (Warps.Lane << 4);
            var numbers = index + (row * terms * 4L);
            var factors = weightsOf == 0 ? weights + (row * weightStride * 4L) : *(long*)(weightsOf + (row * 8L));
            if (factors == 0)
                continue; // counted and not noted: a member has changed its number of rows after the tag
            CudaAsm.Emit(SumPtx.Clear);
            for (var first = 0; first < terms; first += Batch)
                CudaAsm.Emit(SumPtx.AddFloat32, rows + offset, numbers + (first * 4L), factors + (first * 4L), rowBytes, terms - first, rowBytes - offset);
            CudaAsm.Emit(SumPtx.StoreFloat32, RowAddress.Of(output, outputs, row, rowBytes) + offset, rowBytes - offset);
        }

        if (signal == PublishLast)
            Signals.Publish(control, windows, flagOffset, lane, Signals.Return, layer, hasFailed);
    }

    private static void Scalar(long rows, long index, long weights, long output, long weightsOf, long outputs, int count, int terms, int rowBytes, int weightStride, int size)
    {
        var hidden = rowBytes / size;
        var items = (long)count * hidden;
        for (var item = ((long)Grid.IdxX * Group.DimX) + Group.IdxX; item < items; item += (long)Grid.DimX * Group.DimX)
        {
            var row = (int)(item / hidden);
            var element = item - ((long)row * hidden);
            var factors = weightsOf == 0 ? weights + ((long)row * weightStride * 4) : *(long*)(weightsOf + (row * 8L));
            if (factors == 0)
                continue;
            var sum = 0f;
            for (var j = 0; j < terms; j++)
            {
                var number = *(int*)(index + ((((long)row * terms) + j) * 4));
                if (number < 0)
                    continue;
                var at = rows + ((long)number * rowBytes) + (element * size);
                var value = size == 2 ? DeviceMath.FromBits((uint)*(ushort*)at << 16) : *(float*)at;
                sum = DeviceMath.FusedMultiplyAdd(*(float*)(factors + (j * 4L)), value, sum);
            }

            var result = RowAddress.Of(output, outputs, row, rowBytes) + (element * size);
            if (size == 2)
                *(ushort*)result = (ushort)DeviceMath.ToBFloat16(sum);
            else
                *(float*)result = DeviceMath.Canonical(sum);
        }
    }
}
