namespace ElasticEp.Cuda;

/// <summary>Page-locked host memory.</summary>
internal sealed class CudaPinnedHandle(CudaContextHandle context, nint value) : CudaHandle(context, value)
{
    protected override int Free() => CudaApi.cuMemFreeHost(handle);
}
