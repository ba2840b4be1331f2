namespace ElasticEp.Cuda;

/// <summary>An event.</summary>
internal sealed class CudaEventHandle(CudaContextHandle context, nint value) : CudaHandle(context, value)
{
    protected override int Free() => CudaApi.cuEventDestroy_v2(handle);
}
