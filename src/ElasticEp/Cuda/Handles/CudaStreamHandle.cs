namespace ElasticEp.Cuda;

/// <summary>A stream; a borrowed one belongs to another library.</summary>
internal sealed class CudaStreamHandle(CudaContextHandle context, nint value, bool isBorrowed = false) : CudaHandle(context, value)
{
    protected override int Free() => isBorrowed ? 0 : CudaApi.cuStreamDestroy_v2(handle);
}
