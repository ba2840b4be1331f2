namespace ElasticEp.Cuda;

/// <summary>Memory of the device's pool. It returns to the pool in the order of the stream that it was taken on.</summary>
internal sealed class CudaPoolHandle : CudaHandle
{
    private readonly CudaStreamHandle _stream;

    public CudaPoolHandle(CudaContextHandle context, CudaStreamHandle stream, nint address)
        : base(context, address)
    {
        var added = false;
        stream.DangerousAddRef(ref added);
        _stream = stream;
    }

    protected override int Free()
    {
        var result = CudaApi.cuMemFreeAsync((ulong)handle, _stream.DangerousGetHandle());
        _stream.DangerousRelease();
        return result;
    }
}
