using System.Runtime.InteropServices;

namespace ElasticEp.Transports.Rdma.Native;

/// <summary>ucp_context_attr_t.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct UcpContextAttributes
{
    public ulong FieldMask;
    public nuint RequestSize;
    public int ThreadMode;
    public ulong MemoryTypes;
    public UcxName Name;
    public nuint DeviceCounterSize;
}
