using System.Runtime.InteropServices;

namespace ElasticEp.Transports.Rdma.Native;

/// <summary>ucp_request_param_t as of the newest release; read during the call only.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct UcpRequestParams
{
    public uint AttributeMask;
    public uint Flags;
    public nint Request;

    /// <summary>A pointer to a function whose parameters depend on the operation.</summary>
    public void* Callback;

    public ulong DataType;
    public nint UserData;
    public nint ReplyBuffer;
    public int MemoryType;
    public nint ReceiveInfo;
    public nint MemoryHandle;
    public ulong RemoteDataType;
    public nint Remote;
    public nuint RemoteCount;
}
