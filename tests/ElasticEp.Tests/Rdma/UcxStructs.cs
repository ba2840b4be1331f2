using ElasticEp.Transports.Rdma.Native;

namespace ElasticEp.Tests.Rdma;

/// <summary>Our structs beside UCX's, field by field. Fields that the oldest headers do not have are left out.</summary>
internal static class UcxStructs
{
    public static readonly (string Native, Type Managed, (string Native, string Managed)[] Fields)[] All =
    [
        ("ucp_params_t", typeof(UcpContextParams),
        [
            ("field_mask", "FieldMask"), ("features", "Features"), ("request_size", "RequestSize"), ("request_init", "RequestInit"),
            ("request_cleanup", "RequestCleanup"), ("tag_sender_mask", "TagSenderMask"), ("mt_workers_shared", "SharedByWorkers"),
            ("estimated_num_eps", "EstimatedEndpoints"), ("estimated_num_ppn", "EstimatedPerNode"), ("name", "Name"),
        ]),
        ("ucp_worker_params_t", typeof(UcpWorkerParams),
        [
            ("field_mask", "FieldMask"), ("thread_mode", "ThreadMode"), ("cpu_mask", "Processors"), ("events", "Events"), ("user_data", "UserData"),
            ("event_fd", "EventDescriptor"), ("flags", "Flags"), ("name", "Name"), ("am_alignment", "MessageAlignment"), ("client_id", "ClientId"),
        ]),
        ("ucp_worker_attr_t", typeof(UcpWorkerAttributes),
        [
            ("field_mask", "FieldMask"), ("thread_mode", "ThreadMode"), ("address_flags", "AddressFlags"), ("address", "Address"),
            ("address_length", "AddressLength"), ("max_am_header", "MaxHeader"), ("name", "Name"), ("max_debug_string", "MaxInfoString"),
        ]),
        ("ucp_ep_params_t", typeof(UcpEndpointParams),
        [
            ("field_mask", "FieldMask"), ("address", "Address"), ("err_mode", "ErrorMode"), ("err_handler.cb", "ErrorCallback"),
            ("err_handler.arg", "ErrorArgument"), ("user_data", "UserData"), ("flags", "Flags"), ("sockaddr", "Remote"),
            ("conn_request", "ConnectionRequest"), ("name", "Name"), ("local_sockaddr", "Local"),
        ]),
        ("ucp_am_handler_param_t", typeof(UcpMessageHandlerParams),
        [
            ("field_mask", "FieldMask"), ("id", "Id"), ("flags", "Flags"), ("cb", "Callback"), ("arg", "Argument"),
        ]),
        ("ucp_mem_map_params_t", typeof(UcpMemoryMapParams),
        [
            ("field_mask", "FieldMask"), ("address", "Address"), ("length", "Length"), ("flags", "Flags"), ("prot", "Protection"), ("memory_type", "MemoryType"),
        ]),
        ("ucp_am_recv_param_t", typeof(UcpReceivedMessage), [("recv_attr", "Attributes"), ("reply_ep", "ReplyEndpoint")]),
        ("ucp_request_param_t", typeof(UcpRequestParams),
        [
            ("op_attr_mask", "AttributeMask"), ("flags", "Flags"), ("request", "Request"), ("cb", "Callback"), ("datatype", "DataType"),
            ("user_data", "UserData"), ("reply_buffer", "ReplyBuffer"), ("memory_type", "MemoryType"), ("recv_info", "ReceiveInfo"), ("memh", "MemoryHandle"),
        ]),
    ];

    /// <summary>Constants of ours beside the expressions that they stand for.</summary>
    public static readonly (string Native, ulong Managed)[] Constants =
    [
        ("UCP_PARAM_FIELD_FEATURES", UcpFlags.ParamsFeatures), ("UCP_PARAM_FIELD_MT_WORKERS_SHARED", UcpFlags.ParamsSharedByWorkers),
        ("UCP_FEATURE_WAKEUP", UcpFlags.FeatureWakeup), ("UCP_FEATURE_AM", UcpFlags.FeatureActiveMessages),
        ("UCP_WORKER_PARAM_FIELD_THREAD_MODE", UcpFlags.WorkerThreadMode), ("UCS_THREAD_MODE_SERIALIZED", UcpFlags.ThreadModeSerialized),
        ("UCP_WORKER_ATTR_FIELD_ADDRESS", UcpFlags.WorkerAddress), ("UCP_WORKER_ATTR_FIELD_MAX_AM_HEADER", UcpFlags.WorkerMaxHeader),
        ("UCP_AM_HANDLER_PARAM_FIELD_ID | UCP_AM_HANDLER_PARAM_FIELD_FLAGS | UCP_AM_HANDLER_PARAM_FIELD_CB | UCP_AM_HANDLER_PARAM_FIELD_ARG", UcpFlags.HandlerAll),
        ("UCP_AM_FLAG_WHOLE_MSG", UcpFlags.HandlerWholeMessage), ("UCP_AM_FLAG_PERSISTENT_DATA", UcpFlags.HandlerPersistentData),
        ("UCP_AM_RECV_ATTR_FIELD_REPLY_EP", UcpFlags.ReceivedReplyEndpoint), ("UCP_AM_RECV_ATTR_FLAG_DATA", UcpFlags.ReceivedData),
        ("UCP_AM_RECV_ATTR_FLAG_RNDV", UcpFlags.ReceivedRendezvous), ("UCP_EP_PARAM_FIELD_REMOTE_ADDRESS", UcpFlags.EndpointRemoteAddress),
        ("UCP_EP_PARAM_FIELD_ERR_HANDLING_MODE", UcpFlags.EndpointErrorMode), ("UCP_EP_PARAM_FIELD_ERR_HANDLER", UcpFlags.EndpointErrorHandler),
        ("UCP_ERR_HANDLING_MODE_PEER", UcpFlags.ErrorModePeer), ("UCP_OP_ATTR_FIELD_CALLBACK", UcpFlags.RequestCallback),
        ("UCP_MEM_MAP_PARAM_FIELD_ADDRESS", UcpFlags.MapAddress), ("UCP_MEM_MAP_PARAM_FIELD_LENGTH", UcpFlags.MapLength),
        ("UCP_MEM_MAP_PARAM_FIELD_PROT", UcpFlags.MapProtection), ("UCP_MEM_MAP_PROT_REMOTE_READ", UcpFlags.ProtectionRemoteRead),
        ("UCP_MEM_MAP_PROT_LOCAL_READ | UCP_MEM_MAP_PROT_LOCAL_WRITE", UcpFlags.ProtectionLocal),
        ("UCP_OP_ATTR_FIELD_MEMH", UcpFlags.RequestMemory), ("UCP_OP_ATTR_FIELD_USER_DATA", UcpFlags.RequestUserData), ("UCP_OP_ATTR_FIELD_FLAGS", UcpFlags.RequestFlags),
        ("UCP_AM_SEND_FLAG_REPLY", UcpFlags.SendReply), ("UCP_AM_SEND_FLAG_EAGER", UcpFlags.SendEager), ("UCP_AM_SEND_FLAG_RNDV", UcpFlags.SendRendezvous),
        ("UCP_EP_CLOSE_FLAG_FORCE", UcpFlags.CloseForce),
    ];
}
