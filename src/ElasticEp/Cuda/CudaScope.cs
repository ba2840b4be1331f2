namespace ElasticEp.Cuda;

/// <summary>
/// A context that is current for one call. The driver keeps the current context for each thread, and an await changes threads, so
/// every public call enters it; popping leaves the thread as other libraries of the process expect to find it.
/// </summary>
internal readonly ref struct CudaScope
{
    private readonly CudaContextHandle _context;

    public CudaScope(CudaContextHandle context)
    {
        var added = false;
        context.DangerousAddRef(ref added);
        _context = context;
        var result = CudaApi.cuCtxPushCurrent_v2(context.DangerousGetHandle());
        if (result == 0)
            return;
        context.DangerousRelease();
        throw CudaErrors.Create(result, "Making the context of the GPU current");
    }

    public void Dispose()
    {
        // A context that was lost pops as well, so there is nothing to report.
        _ = CudaApi.cuCtxPopCurrent_v2(out _);
        _context.DangerousRelease();
    }
}
