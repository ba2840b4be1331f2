using System.Runtime.InteropServices;

namespace ElasticEp.Transports.Rdma.Native;

/// <summary>ucp_ep_params_t.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct UcpEndpointParams
{
    public ulong FieldMask;
    public void* Address;
    public int ErrorMode;
    public delegate* unmanaged[Cdecl]<nint, nint, UcxStatus, void> ErrorCallback;
    public nint ErrorArgument;

    /// <summary>Set together with <see cref="ErrorArgument"/> it would take its place, so it is left out.</summary>
    public nint UserData;

    public uint Flags;
    public SocketAddress Remote;
    public nint ConnectionRequest;
    public nint Name;
    public SocketAddress Local;

    /// <summary>ucs_sock_addr_t.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct SocketAddress
    {
        public nint Address;
        public uint Length;
    }
}
