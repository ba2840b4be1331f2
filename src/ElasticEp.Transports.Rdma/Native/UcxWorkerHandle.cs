using Microsoft.Win32.SafeHandles;

namespace ElasticEp.Transports.Rdma.Native;

/// <summary>A worker: what one thread sends, receives and makes progress with. It keeps its context, and takes its endpoints with it.</summary>
internal sealed unsafe class UcxWorkerHandle : SafeHandleZeroOrMinusOneIsInvalid
{
    private readonly UcxContextHandle _context;

    private UcxWorkerHandle(UcxContextHandle context)
        : base(ownsHandle: true) => _context = context;

    /// <summary>Called on the worker's thread, as its end is.</summary>
    public static UcxWorkerHandle Create(UcxContextHandle context)
    {
        var isKept = false;
        context.DangerousAddRef(ref isKept);
        var worker = new UcxWorkerHandle(context);
        var parameters = new UcpWorkerParams { FieldMask = UcpFlags.WorkerThreadMode, ThreadMode = UcpFlags.ThreadModeSerialized };
        var status = UcpApi.ucp_worker_create(context.DangerousGetHandle(), &parameters, out var handle);
        if (status != UcxStatus.Ok)
            context.DangerousRelease();
        UcxErrors.Check(status, "Creating a worker of UCX");
        worker.SetHandle(handle);
        return worker;
    }

    protected override bool ReleaseHandle()
    {
        UcpApi.ucp_worker_destroy(handle);
        _context.DangerousRelease();
        return true;
    }
}
