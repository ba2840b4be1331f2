namespace ElasticEp.Cuda.Kernels;

/// <summary>Starts kernels somewhere: on a stream of a GPU, or on ILGPU's CPU accelerator.</summary>
internal interface IKernelLauncher
{
    /// <summary>Multiprocessors, which decide how large a grid is worth while.</summary>
    int Multiprocessors { get; }

    /// <summary>Threads of a block. The CPU accelerator takes few.</summary>
    /// <param name="wanted">What a GPU gets.</param>
    int Threads(int wanted);

    /// <summary>Blocks of so many threads of a kernel that run at the same time on the whole device.</summary>
    int BlocksThatFit(Delegate kernel, int threads);

    /// <summary>Starts a kernel.</summary>
    void Launch(Delegate kernel, CudaLaunch launch, params ReadOnlySpan<CudaArgument> arguments);
}
