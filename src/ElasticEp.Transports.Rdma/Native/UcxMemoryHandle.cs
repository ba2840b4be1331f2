using Microsoft.Win32.SafeHandles;

namespace ElasticEp.Transports.Rdma.Native;

/// <summary>Memory that is registered with the devices of a context. It keeps its context.</summary>
internal sealed unsafe class UcxMemoryHandle : SafeHandleZeroOrMinusOneIsInvalid
{
    private readonly UcxContextHandle _context;

    private UcxMemoryHandle(UcxContextHandle context)
        : base(ownsHandle: true) => _context = context;

    /// <exception cref="InsufficientMemoryException">The devices do not take so much.</exception>
    public static UcxMemoryHandle Register(UcxContextHandle context, nint address, long length)
    {
        var isKept = false;
        context.DangerousAddRef(ref isKept);
        var memory = new UcxMemoryHandle(context);
        var parameters = new UcpMemoryMapParams
        {
            FieldMask = UcpFlags.MapAddress | UcpFlags.MapLength | UcpFlags.MapProtection,
            Address = address,
            Length = (nuint)length,
            Protection = UcpFlags.ProtectionLocal | UcpFlags.ProtectionRemoteRead, // peers fetch; nobody writes here from afar
        };
        var status = UcpApi.ucp_mem_map(context.DangerousGetHandle(), &parameters, out var handle);
        if (status != UcxStatus.Ok)
        {
            context.DangerousRelease();
            throw new InsufficientMemoryException($"{length} bytes of memory cannot be registered with UCX: {UcxErrors.Describe(status)}. Look at the limit of locked memory (ulimit -l).");
        }

        memory.SetHandle(handle);
        return memory;
    }

    protected override bool ReleaseHandle()
    {
        var status = UcpApi.ucp_mem_unmap(_context.DangerousGetHandle(), handle);
        _context.DangerousRelease();
        return status == UcxStatus.Ok;
    }
}
