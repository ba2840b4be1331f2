namespace ElasticEp.Cuda;

/// <summary>An instantiated graph.</summary>
internal sealed class CudaGraphHandle(CudaContextHandle context, nint value) : CudaHandle(context, value)
{
    protected override int Free() => CudaApi.cuGraphExecDestroy(handle);
}
