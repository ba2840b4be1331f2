using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace ElasticEp.Transports.Rdma.Native;

/// <summary>ucp_worker_params_t.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct UcpWorkerParams
{
    public ulong FieldMask;
    public int ThreadMode;
    public ProcessorMask Processors;
    public uint Events;
    public nint UserData;
    public int EventDescriptor;
    public ulong Flags;
    public nint Name;
    public nuint MessageAlignment;
    public ulong ClientId;

    /// <summary>ucs_cpu_set_t: 1024 bits.</summary>
    [InlineArray(16)]
    public struct ProcessorMask
    {
        private ulong _first;
    }
}
