using System.Runtime.InteropServices;

namespace ElasticEp.Transports.Rdma.Native;

/// <summary>ucp_am_recv_param_t.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct UcpReceivedMessage
{
    public ulong Attributes;
    public nint ReplyEndpoint;
}
