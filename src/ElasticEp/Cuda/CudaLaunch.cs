namespace ElasticEp.Cuda;

/// <summary>How a kernel is launched.</summary>
/// <param name="blocks">Blocks of the grid.</param>
/// <param name="threads">Threads of a block.</param>
public readonly struct CudaLaunch(int blocks, int threads)
{
    /// <summary>Blocks of the grid in x.</summary>
    internal int Blocks { get; } = blocks;

    /// <summary>Threads of a block.</summary>
    internal int Threads { get; } = threads;

    /// <summary>Blocks of the grid in y.</summary>
    /// <value>Default 1.</value>
    public int Rows { internal get; init; } = 1;

    /// <summary>Dynamic shared memory of a block in bytes.</summary>
    /// <value>Default 0.</value>
    public int SharedBytes { internal get; init; }

    /// <summary>Blocks that run on neighbouring multiprocessors and share their memory; 0 for no clusters.</summary>
    /// <value>Default 0.</value>
    public int ClusterBlocks { internal get; init; }

    /// <summary>
    /// Whether the kernel may start before the one ahead of it on the stream has ended; it then waits in its own code. GPUs before
    /// compute capability 9.0 never do so, and the instructions for it are left out there.
    /// </summary>
    /// <value>Default false.</value>
    public bool OverlapsPrevious { internal get; init; }
}
