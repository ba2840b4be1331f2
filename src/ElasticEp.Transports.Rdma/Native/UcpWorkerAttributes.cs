using System.Runtime.InteropServices;

namespace ElasticEp.Transports.Rdma.Native;

/// <summary>ucp_worker_attr_t.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct UcpWorkerAttributes
{
    public ulong FieldMask;
    public int ThreadMode;
    public uint AddressFlags;
    public nint Address;
    public nuint AddressLength;
    public nuint MaxHeader;
    public UcxName Name;
    public nuint MaxInfoString;
}
