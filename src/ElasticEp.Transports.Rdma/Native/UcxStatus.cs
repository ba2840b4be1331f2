namespace ElasticEp.Transports.Rdma.Native;

/// <summary>ucs_status_t: one signed byte. Errors are negative, and which one a dead peer gives depends on version and operation.</summary>
internal enum UcxStatus : sbyte
{
    InProgress = 1,
    Ok = 0,
    Busy = -15,
    Canceled = -16,
}
