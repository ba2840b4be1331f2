namespace ElasticEp.Cuda.Kernels;

/// <summary>The kernels that take what members have sent.</summary>
internal sealed partial class ExchangeKernels
{
    private const int FewBlocks = 32;

    /// <summary>Where received rows go; see <see cref="PlaceKernel.Run"/>.</summary>
    /// <param name="tables">Where everything is.</param>
    /// <param name="slots">Slots of this rank.</param>
    /// <param name="terms">k.</param>
    /// <param name="isPreReduced">Whether a row goes back as one sum.</param>
    /// <param name="sentBytes">Bytes of a row as it was sent.</param>
    /// <param name="rowBytes">Bytes of a row that goes back.</param>
    /// <param name="mostTokens">Most tokens of a source.</param>
    /// <param name="layer">MoE layer.</param>
    /// <param name="flagOffset">Flag that is waited for; less than 0 = everything has come.</param>
    public void Place(PlaceTables tables, int slots, int terms, bool isPreReduced, int sentBytes, int rowBytes, int mostTokens, int layer, int flagOffset = -1)
    {
        var threads = launcher.Threads(KernelTuning.CollectiveThreads);
        var waits = flagOffset >= 0;
        var blocks = waits ? Math.Min(slots, WaitingBlocks(KernelMethods.Place, threads)) : slots;
        launcher.Launch(
            KernelMethods.Place,
            new CudaLaunch(blocks, threads) { OverlapsPrevious = waits && OverlapsWaiting(blocks) },
            tables.Control,
            tables.Incoming,
            tables.Outgoing,
            tables.MetaOffset,
            tables.RowsOffset,
            tables.CombineOffset,
            tables.Lists,
            tables.Capacity,
            tables.Places,
            tables.Offsets,
            tables.Received,
            flagOffset,
            layer,
            slots,
            Terms(terms),
            isPreReduced ? 1 : 0,
            sentBytes,
            rowBytes,
            mostTokens);
    }

    /// <summary>Whether <see cref="Receive"/> takes so many ranks, slots and entries.</summary>
    public bool CanReceive(ElementType type, bool usesFloat8, int ranks, int slots, int entries) =>
        ranks <= ReceivedRows.MaxMembers && slots <= ReceiveKernels.MaxSlots && entries <= tuning.ReceiveEntries && !(usesFloat8 && type == ElementType.Float32);

    /// <summary>Waits, and copies received rows slot after slot; see <see cref="ReceiveKernels"/>.</summary>
    /// <param name="tables">Where everything is.</param>
    /// <param name="homeOf">Receives where each placed row goes back, when not pre-reducing.</param>
    /// <param name="target">Receives the rows.</param>
    /// <param name="most">Rows that the grid is sized for.</param>
    /// <param name="slots">Slots of this rank.</param>
    /// <param name="terms">k.</param>
    /// <param name="isPreReduced">Whether a row goes back as one sum.</param>
    /// <param name="usesFloat8">Whether rows come as e4m3.</param>
    /// <param name="hidden">Values of a row.</param>
    /// <param name="rowBytes">Bytes of a row that goes back.</param>
    /// <param name="mostTokens">Most tokens of a source.</param>
    /// <param name="layer">MoE layer.</param>
    /// <param name="flagOffset">Flag that is waited for.</param>
    public void Receive(PlaceTables tables, long homeOf, long target, int most, int slots, int terms, bool isPreReduced, bool usesFloat8, int hidden, int rowBytes, int mostTokens, int layer, int flagOffset)
    {
        var threads = launcher.Threads(KernelTuning.CollectiveThreads);
        var kernel = usesFloat8 ? KernelMethods.ReceiveFloat8 : KernelMethods.ReceiveRows;
        var pieces = usesFloat8 ? Float8Kernels.Segments(hidden) : CopyKernels.Segments(rowBytes);
        var items = (long)most * pieces;
        var blocks = (int)Math.Clamp(items / tuning.ReceiveItems, Math.Clamp(items / 2, 1, FewBlocks), Math.Max(FewBlocks, WaitingBlocks(kernel, threads)));
        blocks = Math.Min(blocks, WaitingBlocks(kernel, threads));
        launcher.Launch(
            kernel,
            new CudaLaunch(blocks, threads) { OverlapsPrevious = OverlapsWaiting(blocks) },
            tables.Control,
            tables.Incoming,
            tables.Outgoing,
            tables.MetaOffset,
            tables.RowsOffset,
            tables.CombineOffset,
            tables.Lists,
            tables.Capacity,
            tables.Places,
            tables.Offsets,
            tables.Received,
            homeOf,
            target,
            flagOffset,
            layer,
            slots,
            Terms(terms),
            isPreReduced ? 1 : 0,
            usesFloat8 ? Groups(hidden) : rowBytes,
            mostTokens,
            RowPieces.Divisor(pieces));
    }
}
