using Microsoft.Win32.SafeHandles;

namespace ElasticEp.Cuda;

/// <summary>A device's primary context, the one that cuBLAS, NCCL and other libraries of the process use as well.</summary>
internal sealed class CudaContextHandle : SafeHandleZeroOrMinusOneIsInvalid
{
    private readonly int _device;

    private CudaContextHandle(int device)
        : base(ownsHandle: true) => _device = device;

    public static CudaContextHandle Retain(int device)
    {
        var context = new CudaContextHandle(device);
        CudaErrors.Check(CudaApi.cuDevicePrimaryCtxRetain(out var handle, device), $"Retaining the primary context of GPU {device}");
        context.SetHandle(handle);
        return context;
    }

    /// <summary>Makes the context current until the scope ends; the thread then has what it had.</summary>
    public CudaScope Enter() => new(this);

    protected override bool ReleaseHandle() => CudaApi.cuDevicePrimaryCtxRelease_v2(_device) == 0;
}
