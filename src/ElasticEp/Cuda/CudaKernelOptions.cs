namespace ElasticEp.Cuda;

/// <summary>Where a rank's exchange runs when it uses CUDA kernels.</summary>
public sealed class CudaKernelOptions
{
    /// <summary>The driver's number of the GPU in this process. Each rank of a group needs a GPU of its own.</summary>
    /// <value>Default 0.</value>
    public int Device { get; set; }
}
