using System.Runtime.InteropServices;

namespace ElasticEp.Transports.Rdma.Native;

/// <summary>ucp_am_handler_param_t.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct UcpMessageHandlerParams
{
    public ulong FieldMask;
    public uint Id;
    public uint Flags;
    public delegate* unmanaged[Cdecl]<nint, byte*, nuint, byte*, nuint, UcpReceivedMessage*, UcxStatus> Callback;
    public nint Argument;
}
