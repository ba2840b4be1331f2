namespace ElasticEp.Cuda.Kernels;

/// <summary>Sizes of grids, found by measuring; see docs/gpu.md.</summary>
internal sealed record KernelTuning
{
    /// <summary>Threads of a block where warps work on their own.</summary>
    public const int RowThreads = 256;

    /// <summary>Threads of a block that works together.</summary>
    public const int CollectiveThreads = 512;

    /// <summary>A gather for fewer warps than this for each multiprocessor is cut into smaller pieces.</summary>
    public int FewWarps { get; init; } = 4;

    /// <summary>Fewest threads of a block, where there is little work to be spread over the multiprocessors.</summary>
    public int LeastThreads { get; init; } = 32;

    /// <summary>Most blocks for each multiprocessor, for kernels that copy.</summary>
    public int CopyBlocks { get; init; } = 64;

    /// <summary>Most blocks for each multiprocessor, for kernels that sum.</summary>
    public int SumBlocks { get; init; } = 256;

    /// <summary>Most blocks for each multiprocessor, for kernels that send rows back: each of them ends with a count.</summary>
    public int ReturnBlocks { get; init; } = 8;

    /// <summary>Most blocks for each multiprocessor, for dispatches.</summary>
    public int DispatchBlocks { get; init; } = 2;

    /// <summary>Pieces of rows for one block of a dispatch, where there are few.</summary>
    public int DispatchItems { get; init; } = 2;

    /// <summary>Most entries of received rows that are placed and copied by one kernel, of which every block counts them all.</summary>
    public int ReceiveEntries { get; init; } = 16384;

    /// <summary>Pieces of rows for one block of such a kernel, where there are few.</summary>
    public int ReceiveItems { get; init; } = 4;

    /// <summary>
    /// Kernels of an exchange with more blocks for each multiprocessor than this are launched after the end of the one ahead: launched before,
    /// they would crowd on the multiprocessors that are free first.
    /// </summary>
    public int OverlapBlocks { get; init; } = 1;

    /// <summary>Lanes whose kernels may wait at the same time.</summary>
    public int Lanes { get; init; } = 1;
}
