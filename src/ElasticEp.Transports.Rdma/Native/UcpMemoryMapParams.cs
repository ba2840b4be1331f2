using System.Runtime.InteropServices;

namespace ElasticEp.Transports.Rdma.Native;

/// <summary>ucp_mem_map_params_t as of the newest release.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct UcpMemoryMapParams
{
    public ulong FieldMask;
    public nint Address;
    public nuint Length;
    public uint Flags;
    public uint Protection;
    public int MemoryType;
    public nint ExportedHandle;
}
