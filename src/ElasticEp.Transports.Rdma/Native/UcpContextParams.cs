using System.Runtime.InteropServices;

namespace ElasticEp.Transports.Rdma.Native;

/// <summary>ucp_params_t as of the newest release: older ones are shorter, and read no field whose mask bit is not set.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct UcpContextParams
{
    public ulong FieldMask;
    public ulong Features;
    public nuint RequestSize;
    public nint RequestInit;
    public nint RequestCleanup;
    public ulong TagSenderMask;
    public int SharedByWorkers;
    public nuint EstimatedEndpoints;
    public nuint EstimatedPerNode;
    public nint Name;
    public nuint NodeLocalId;
}
