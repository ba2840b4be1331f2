namespace ElasticEp.Cuda.Kernels;

/// <summary>
/// The kernels of an exchange, with the size of their grids. Addresses are of the launcher's memory; nothing waits, everything is in
/// the launcher's order. Rows are multiples of 16 bytes at multiples of 16.
/// </summary>
internal sealed partial class ExchangeKernels(IKernelLauncher launcher, KernelTuning tuning)
{
    /// <summary>Rows copied from a list of rows.</summary>
    public void Gather(long source, long from, long target, RowCount count, int rowBytes)
    {
        var shift = CopyKernels.ShiftFor(count.Most, rowBytes, launcher.Multiprocessors * tuning.FewWarps);
        var pieces = CopyKernels.Segments(rowBytes, shift);
        launcher.Launch(KernelMethods.Gather, Rows(count, pieces, tuning.CopyBlocks), source, from, target, count.Address, count.Most, rowBytes, shift, RowPieces.Divisor(pieces));
    }

    /// <summary>Each row read once and copied to all its places; see <see cref="CopyKernels.Spread"/>.</summary>
    /// <param name="source">Address of row 0.</param>
    /// <param name="places">Where rows go.</param>
    /// <param name="count">How many.</param>
    /// <param name="rowBytes">Bytes of a row.</param>
    /// <param name="from">Address of a list of the addresses of rows; 0 = they lie one after another.</param>
    /// <param name="homes">What is noted for the return.</param>
    public void Spread(long source, RowPlaces places, RowCount count, int rowBytes, long from = 0, RowHomes homes = default)
    {
        var pieces = CopyKernels.Segments(rowBytes);
        launcher.Launch(
            KernelMethods.Spread,
            Rows(count, pieces, tuning.CopyBlocks),
            source,
            from,
            places.Places,
            places.Areas,
            places.Bases,
            homes.Homes,
            homes.HomeOf,
            count.Address,
            count.Most,
            count.Control,
            Terms(places.Terms),
            rowBytes,
            RowPieces.Divisor(pieces),
            homes.RowBytes);
    }

    /// <summary>Rows of experts sent back to the addresses in a list; see <see cref="CopyKernels.Return"/>.</summary>
    public void Return(long rows, long homeOf, RowCount count, int rowBytes, FlagSignal signal)
    {
        var pieces = CopyKernels.Segments(rowBytes);
        launcher.Launch(
            KernelMethods.Return,
            Signalling(KernelMethods.Return, count, pieces, launcher.Multiprocessors * tuning.ReturnBlocks),
            rows,
            homeOf,
            count.Address,
            count.Most,
            count.Control,
            signal.Windows,
            signal.FlagOffset,
            signal.Lane,
            signal.Layer,
            rowBytes,
            RowPieces.Divisor(pieces));
    }

    /// <summary>Weighted sums; see <see cref="SumKernels.BFloat16"/>.</summary>
    public void Sum(ElementType type, long rows, long index, long weights, int weightStride, long output, RowCount count, int terms, int rowBytes) =>
        Sum(type, rows, index, (weights, weightStride, 0), (output, 0), count, terms, rowBytes, SumKernels.NoSignal, new FlagSignal(count.Control, 0, 0, 0, 0));

    /// <summary>Sums of the rows that came back, once they have; a wave of blocks that leaves room for what others need.</summary>
    public void SumReturned(ElementType type, long rows, long index, long weights, int weightStride, long output, RowCount count, int terms, int rowBytes, FlagSignal signal) =>
        Sum(type, rows, index, (weights, weightStride, 0), (output, 0), count, terms, rowBytes, SumKernels.WaitFirst, signal);

    /// <summary>Sums of experts' outputs, sent back to the addresses in a list, with weights at the addresses in another.</summary>
    public void SumAndReturn(ElementType type, long rows, long places, long weightsOf, long outputs, RowCount count, int terms, int rowBytes, FlagSignal signal) =>
        Sum(type, rows, places, (0, 0, weightsOf), (0, outputs), count, terms, rowBytes, SumKernels.PublishLast, signal);

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

    /// <summary>Rows of e4m3 converted back and copied to all their places in one area; for the rest see <see cref="Spread"/>.</summary>
    public void ExpandFloat8(ElementType type, long source, RowPlaces places, RowCount count, int hidden, long from = 0, RowHomes homes = default) =>
        launcher.Launch(
            type == ElementType.BFloat16 ? KernelMethods.ExpandBFloat16 : KernelMethods.ExpandFloat32,
            Rows(count, Float8Kernels.Segments(hidden), tuning.CopyBlocks),
            source,
            from,
            places.Places,
            places.Bases,
            homes.Homes,
            homes.HomeOf,
            count.Address,
            count.Most,
            count.Control,
            Terms(places.Terms),
            Groups(hidden),
            RowPieces.Divisor(Float8Kernels.Segments(hidden)));

    /// <summary>Clears what an attempt before has left; see <see cref="AttemptKernels.Begin"/>.</summary>
    public void Begin(long control, long offsets, long received, long laneBytes, int lanes, int slots) =>
        launcher.Launch(KernelMethods.Begin, new CudaLaunch(1, launcher.Threads(KernelTuning.RowThreads)), control, offsets, received, laneBytes, lanes, slots);

    /// <summary>Tells the host how the attempt has ended; see <see cref="AttemptKernels.End"/>.</summary>
    public void End(long control) => launcher.Launch(KernelMethods.End, new CudaLaunch(1, launcher.Threads(Warps.Lanes)) { OverlapsPrevious = true }, control);

    /// <summary>Routes tokens and sends their rows; see <see cref="DispatchKernels.Rows"/>.</summary>
    /// <param name="batch">What is sent.</param>
    /// <param name="most">Tokens that the grid is sized for.</param>
    /// <param name="experts">Experts of the layer.</param>
    /// <param name="terms">k.</param>
    /// <param name="isPreReduced">Whether members return sums, and need the weights.</param>
    /// <param name="rowBytes">Bytes of a row.</param>
    /// <param name="signal">What is released at the end.</param>
    public void Dispatch(DispatchBatch batch, int most, int experts, int terms, bool isPreReduced, int rowBytes, FlagSignal signal)
    {
        var pieces = CopyKernels.Segments(rowBytes);
        launcher.Launch(
            KernelMethods.DispatchRows,
            Collective(most * (long)pieces),
            [.. DispatchArguments(batch, experts, terms, isPreReduced, signal), rowBytes, RowPieces.Divisor(pieces)]);
    }

    /// <summary>The same for rows that travel as e4m3.</summary>
    public void DispatchFloat8(ElementType type, DispatchBatch batch, int most, int experts, int terms, bool isPreReduced, int hidden, bool usePowersOfTwo, FlagSignal signal)
    {
        var pieces = Float8Kernels.Segments(hidden);
        launcher.Launch(
            type == ElementType.BFloat16 ? KernelMethods.DispatchFloat8 : KernelMethods.DispatchFloat8OfFloat32,
            Collective(most * (long)pieces),
            [.. DispatchArguments(batch, experts, terms, isPreReduced, signal), Groups(hidden), RowPieces.Divisor(pieces), usePowersOfTwo ? 1 : 0]);
    }

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
        return new CudaLaunch((int)Math.Clamp(blocks, 1, (long)launcher.Multiprocessors * blocksOfMultiprocessor), threads) { OverlapsPrevious = true };
    }

    /// <summary>Blocks that each end with a count, or that poll: few and whole ones, and no more than run at the same time.</summary>
    private CudaLaunch Signalling(Delegate kernel, RowCount count, int pieces, int most)
    {
        var threads = launcher.Threads(KernelTuning.RowThreads);
        var warps = Math.Max(1, threads / Warps.Lanes);
        var blocks = (int)Math.Clamp((((long)count.Most * pieces) + warps - 1) / warps, 1, Math.Min(most, launcher.BlocksThatFit(kernel, threads)));
        return new CudaLaunch(blocks, threads) { OverlapsPrevious = Overlaps(blocks) };
    }

    private bool Overlaps(int blocks) => blocks <= launcher.Multiprocessors * tuning.OverlapBlocks;

    private bool OverlapsWaiting(int blocks) => blocks <= launcher.Multiprocessors * tuning.OverlapBlocks / 2;

    /// <summary>
    /// Blocks that each look at the whole batch: no more than multiprocessors before every warp has a piece, as the stores of one
    /// multiprocessor to a peer are slow.
    /// </summary>
    private CudaLaunch Collective(long items)
    {
        var threads = launcher.Threads(KernelTuning.CollectiveThreads);
        var warps = Math.Max(1, threads / Warps.Lanes);
        var spread = Math.Min((items + tuning.DispatchItems - 1) / tuning.DispatchItems, launcher.Multiprocessors);
        var blocks = (int)Math.Clamp((items + warps - 1) / warps, Math.Max(1, spread), (long)launcher.Multiprocessors * tuning.DispatchBlocks);
        return new CudaLaunch(blocks, threads) { OverlapsPrevious = Overlaps(blocks) };
    }

    /// <summary>Waiting blocks of all lanes leave half of the device to others.</summary>
    private int WaitingBlocks(Delegate kernel, int threads) => Math.Max(1, launcher.BlocksThatFit(kernel, threads) / (2 * tuning.Lanes));

    private void Sum(ElementType type, long rows, long index, (long Address, int Stride, long List) weights, (long Address, long List) output, RowCount count, int terms, int rowBytes, int signal, FlagSignal flag)
    {
        var pieces = SumKernels.Chunks(rowBytes);
        var kernel = type == ElementType.BFloat16 ? KernelMethods.SumBFloat16 : KernelMethods.SumFloat32;
        var launch = signal switch
        {
            SumKernels.NoSignal => Rows(count, pieces, tuning.SumBlocks),
            SumKernels.PublishLast => Signalling(kernel, count, pieces, launcher.Multiprocessors * tuning.ReturnBlocks),
            _ => Signalling(kernel, count, pieces, WaitingBlocks(kernel, launcher.Threads(KernelTuning.RowThreads))),
        };
        if (signal == SumKernels.WaitFirst)
            launch = new CudaLaunch(launch.Blocks, launch.Threads) { OverlapsPrevious = OverlapsWaiting(launch.Blocks) };
        launcher.Launch(
            kernel,
            launch,
            rows,
            index,
            weights.Address,
            output.Address,
            weights.List,
            output.List,
            count.Address,
            count.Most,
            terms,
            rowBytes,
            weights.Stride,
            RowPieces.Divisor(pieces),
            flag.Control,
            flag.Windows,
            signal,
            flag.FlagOffset,
            flag.Lane,
            flag.Layer);
    }

    private static CudaArgument[] DispatchArguments(DispatchBatch batch, int experts, int terms, bool isPreReduced, FlagSignal signal) =>
    [
        signal.Control,
        batch.Rows,
        batch.Ids,
        batch.Weights,
        batch.Table,
        signal.Windows,
        batch.CombineRows,
        batch.Index,
        batch.MetaOffset,
        batch.RowsOffset,
        signal.FlagOffset,
        signal.Lane,
        signal.Layer,
        experts is > 0 and <= TokenRoutes.MaxExperts ? experts : throw new ArgumentOutOfRangeException(nameof(experts), experts, $"A layer has 1 to {TokenRoutes.MaxExperts} experts."),
        Terms(terms),
        isPreReduced ? 1 : 0,
    ];
}
