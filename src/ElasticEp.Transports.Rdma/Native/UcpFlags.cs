namespace ElasticEp.Transports.Rdma.Native;

/// <summary>The bits of UCX's masks and flags that are used; the same in all versions.</summary>
internal static class UcpFlags
{
    // ucp_params_t
    public const ulong ParamsFeatures = 1;
    public const ulong ParamsSharedByWorkers = 1 << 5;
    public const ulong FeatureWakeup = 1 << 4;
    public const ulong FeatureActiveMessages = 1 << 6;

    // ucp_worker_params_t
    public const ulong WorkerThreadMode = 1;
    public const int ThreadModeSerialized = 1;

    // ucp_worker_attr_t
    public const ulong WorkerAddress = 1 << 1;
    public const ulong WorkerMaxHeader = 1 << 3;

    // ucp_am_handler_param_t: id, flags, callback, argument
    public const ulong HandlerAll = 0xF;
    public const uint HandlerWholeMessage = 1;
    public const uint HandlerPersistentData = 2;

    // ucp_am_recv_param_t
    public const ulong ReceivedReplyEndpoint = 1;
    public const ulong ReceivedData = 1 << 16;
    public const ulong ReceivedRendezvous = 1 << 17;

    // ucp_ep_params_t
    public const ulong EndpointRemoteAddress = 1;
    public const ulong EndpointErrorMode = 1 << 1;
    public const ulong EndpointErrorHandler = 1 << 2;
    public const int ErrorModePeer = 1;

    // ucp_mem_map_params_t
    public const ulong MapAddress = 1;
    public const ulong MapLength = 1 << 1;
    public const ulong MapProtection = 1 << 3;
    public const uint ProtectionLocal = 3;
    public const uint ProtectionRemoteRead = 1 << 8;

    // ucp_request_param_t
    public const uint RequestCallback = 1 << 1;
    public const uint RequestUserData = 1 << 2;
    public const uint RequestFlags = 1 << 4;
    public const uint RequestMemory = 1 << 8;

    public const uint SendReply = 1;
    public const uint SendEager = 1 << 1;
    public const uint SendRendezvous = 1 << 2;
    public const uint CloseForce = 1;
}
