using Microsoft.Win32.SafeHandles;

namespace ElasticEp.Cuda;

/// <summary>Something that the driver made in a context. It keeps the context, and is freed with it current.</summary>
internal abstract class CudaHandle : SafeHandleZeroOrMinusOneIsInvalid
{
    private readonly CudaContextHandle _context;

    protected CudaHandle(CudaContextHandle context, nint handle)
        : base(ownsHandle: true)
    {
        var added = false;
        context.DangerousAddRef(ref added);
        _context = context;
        SetHandle(handle);
    }

    /// <summary>Frees the object; zero is success.</summary>
    protected abstract int Free();

    protected sealed override bool ReleaseHandle()
    {
        var isCurrent = CudaApi.cuCtxPushCurrent_v2(_context.DangerousGetHandle()) == 0;
        var result = Free();
        if (isCurrent)
            _ = CudaApi.cuCtxPopCurrent_v2(out _);
        _context.DangerousRelease();
        return result == 0;
    }
}
