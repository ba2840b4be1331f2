namespace ElasticEp.Cuda.Kernels;

/// <summary>
/// The kernels of an exchange, with the size of their grids. Addresses are of the launcher's memory; nothing waits, everything is in
/// the launcher's order. Rows are multiples of 16 bytes at multiples of 16.
/// </summary>
internal sealed class ExchangeKernels(IKernelLauncher launcher, KernelTuning tuning)
{
    /// <summary>Rows copied from a list of rows.</summary>
    public void Gather(long source, long from, long target, RowCount count, int rowBytes)
    {
        var shift = CopyKernels.ShiftFor(count.Most, rowBytes, launcher.Multiprocessors * tuning.FewWarps);
        var pieces = CopyKernels.Segments(rowBytes, shift);
        launcher.Launch(KernelMethods.Gather, Rows(count, pieces, tuning.CopyBlocks), source, from, target, count.Address, count.Most, rowBytes, shift, RowPieces.Divisor(pieces));
    }

    /// <summary>Each row read once and copied to all its places; see <see cref="CopyKernels.Spread"/>.</summary>
    public void Spread(long source, long sourceStride, RowPlaces places, RowCount count, int rowBytes)
    {
        var pieces = CopyKernels.Segments(rowBytes);
        launcher.Launch(
            KernelMethods.Spread,
            Rows(count, pieces, tuning.CopyBlocks),
            source,
            sourceStride,
            places.Places,
            places.Areas,
            places.Stride,
            places.Bases,
            count.Address,
            count.Most,
            Terms(places.Terms),
            rowBytes,
            RowPieces.Divisor(pieces));
    }

    /// <summary>Rows of experts sent back to where they came from; see <see cref="CopyKernels.Return"/>. A source has at most <paramref name="most"/> rows.</summary>
    public void Return(long rows, ReceivedRows received, long places, long placeStride, long regions, int most, int terms, int rowBytes)
    {
        var pieces = CopyKernels.Segments(rowBytes);
        launcher.Launch(
            KernelMethods.Return,
            Rows(new RowCount(most * Terms(terms), received.Counts, received.Sources), pieces, tuning.CopyBlocks),
            rows,
            places,
            placeStride,
            received.Meta,
            received.Stride,
            regions,
            received.Counts,
            most,
            terms,
            received.MetaInts,
            rowBytes,
            RowPieces.Divisor(pieces),
            RowPieces.Divisor(terms));
    }

    /// <summary>Weighted sums; see <see cref="SumKernels.BFloat16"/>.</summary>
    public void Sum(ElementType type, long rows, long index, long weights, int weightStride, long output, RowCount count, int terms, int rowBytes)
    {
        var pieces = SumKernels.Chunks(rowBytes);
        launcher.Launch(
            type == ElementType.BFloat16 ? KernelMethods.SumBFloat16 : KernelMethods.SumFloat32,
            Rows(count, pieces, tuning.SumBlocks),
            rows,
            index,
            weights,
            output,
            count.Address,
            count.Most,
            terms,
            rowBytes,
            weightStride,
            RowPieces.Divisor(pieces));
    }

    /// <summary>Rows converted to e4m3 and copied to all their places; see <see cref="Float8Row"/>.</summary>
    public void PackFloat8(ElementType type, long source, RowPlaces places, RowCount count, int hidden, bool usePowersOfTwo) =>
        launcher.Launch(
            type == ElementType.BFloat16 ? KernelMethods.PackBFloat16 : KernelMethods.PackFloat32,
            Rows(count, Float8Kernels.Segments(hidden), tuning.CopyBlocks),
            source,
            places.Places,
            places.Areas,
            places.Bases,
            count.Address,
            count.Most,
            Terms(places.Terms),
            Groups(hidden),
            usePowersOfTwo ? 1 : 0);

    /// <summary>Rows of e4m3 converted back and copied to all their places in one area.</summary>
    public void ExpandFloat8(ElementType type, long source, long sourceStride, RowPlaces places, RowCount count, int hidden) =>
        launcher.Launch(
            type == ElementType.BFloat16 ? KernelMethods.ExpandBFloat16 : KernelMethods.ExpandFloat32,
            Rows(count, Float8Kernels.Segments(hidden), tuning.CopyBlocks),
            source,
            sourceStride,
            places.Places,
            places.Stride,
            places.Bases,
            count.Address,
            count.Most,
            Terms(places.Terms),
            Groups(hidden));

    /// <summary>Where tokens go; see <see cref="RouteKernel.Run"/>. <paramref name="preReducedRows"/> is 0 for exact combining.</summary>
    public void Route(long ids, long weights, RouteTables tables, RouteOutput output, int experts, int terms, int preReducedRows) =>
        launcher.Launch(
            KernelMethods.Route,
            new CudaLaunch(tables.Members, launcher.Threads(KernelTuning.CollectiveThreads)),
            ids,
            weights,
            tables.Control,
            tables.Starts,
            tables.Replicas,
            tables.MetaOf,
            output.Counts,
            output.Areas,
            output.Places,
            output.Index,
            output.Status,
            experts,
            Terms(terms),
            preReducedRows);

    /// <summary>Where received rows go; see <see cref="PlaceKernel.Run"/>.</summary>
    public void Place(ReceivedRows rows, long places, long placeStride, long offsets, long status, int slots, int terms) =>
        launcher.Launch(
            KernelMethods.Place,
            new CudaLaunch(slots, launcher.Threads(KernelTuning.CollectiveThreads)),
            rows.Meta,
            rows.Stride,
            rows.Counts,
            places,
            placeStride,
            offsets,
            status,
            rows.Sources,
            rows.MetaInts,
            Terms(terms));

    /// <summary>Adds to the counts of experts; see <see cref="LoadKernel.Run"/>.</summary>
    public void CountExperts(long ids, long control, long counts, int most, int experts, int terms)
    {
        var threads = launcher.Threads(KernelTuning.RowThreads);
        var blocks = Math.Clamp((most * terms + threads - 1) / threads, 1, launcher.Multiprocessors * tuning.CopyBlocks);
        launcher.Launch(KernelMethods.CountExperts, new CudaLaunch(blocks, threads), ids, control, counts, experts, terms);
    }

    private static int Terms(int terms) =>
        terms is > 0 and <= Warps.Lanes ? terms : throw new ArgumentOutOfRangeException(nameof(terms), terms, $"A row has 1 to {Warps.Lanes} entries.");

    private static int Groups(int hidden) =>
        hidden > 0 && hidden % Float8Row.GroupValues == 0
            ? hidden
            : throw new ArgumentOutOfRangeException(nameof(hidden), hidden, $"Rows of e4m3 have a multiple of {Float8Row.GroupValues} values.");

    private CudaLaunch Rows(RowCount count, int pieces, int blocksOfMultiprocessor)
    {
        var threads = launcher.Threads(KernelTuning.RowThreads);
        var items = (long)count.Most * pieces;
        // Work for few warps is spread over all multiprocessors in blocks of fewer warps.
        while (threads > tuning.LeastThreads && items * Warps.Lanes < (long)threads * launcher.Multiprocessors)
            threads /= 2;
        var warps = Math.Max(1, threads / Warps.Lanes);
        var blocks = (items + warps - 1) / warps;
        // Launched before the kernel ahead has ended; blocks that work together would crowd on the multiprocessors that are free first.
        return new CudaLaunch((int)Math.Clamp(blocks, 1, (long)launcher.Multiprocessors * blocksOfMultiprocessor), threads) { Rows = count.Sources, OverlapsPrevious = true };
    }
}
