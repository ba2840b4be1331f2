namespace ElasticEp.Cuda;

/// <summary>A loaded module.</summary>
internal sealed class CudaModuleHandle(CudaContextHandle context, nint value) : CudaHandle(context, value)
{
    protected override int Free() => CudaApi.cuModuleUnload(handle);
}
