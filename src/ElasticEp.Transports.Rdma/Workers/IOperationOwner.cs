using ElasticEp.Transports.Rdma.Native;

namespace ElasticEp.Transports.Rdma.Workers;

/// <summary>Who has started an operation of UCX.</summary>
internal interface IOperationOwner
{
    /// <summary>
    /// UCX does not touch the operation's memory any more. Called on the worker's thread, perhaps from within the call that started it, and
    /// perhaps in the middle of UCX's progress: only notes it. The operation is reused afterwards.
    /// </summary>
    void OnCompleted(UcxOperation operation, UcxStatus status);
}
