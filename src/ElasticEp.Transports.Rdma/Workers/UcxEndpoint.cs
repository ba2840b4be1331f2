using System.Runtime.InteropServices;
using ElasticEp.Transports.Rdma.Native;

namespace ElasticEp.Transports.Rdma.Workers;

/// <summary>An endpoint of a worker; used and disposed on the worker's thread.</summary>
internal sealed unsafe class UcxEndpoint : IDisposable
{
    private readonly UcxEndpointHandle _handle;
    private readonly Action<UcxStatus> _onFailed;
    private readonly Action<Exception> _onFault;
    private GCHandle _self;

    /// <param name="worker">Whose it is.</param>
    /// <param name="address">Of the peer's worker.</param>
    /// <param name="onFailed">Told once at most, in the middle of UCX's progress: only notes it.</param>
    /// <param name="onFault">Told what that throws; throws nothing.</param>
    public UcxEndpoint(UcxWorkerHandle worker, ReadOnlySpan<byte> address, Action<UcxStatus> onFailed, Action<Exception> onFault)
    {
        _onFailed = onFailed;
        _onFault = onFault;
        _self = GCHandle.Alloc(this);
        try
        {
            _handle = UcxEndpointHandle.Create(worker, address, UcxCallbacks.EndpointFailed, GCHandle.ToIntPtr(_self));
        }
        catch
        {
            _self.Free();
            throw;
        }
    }

    public nint Pointer => _handle.DangerousGetHandle();

    /// <summary>The operation is complete when UCX has its connections to the peer, and what was sent before is out.</summary>
    public void Flush(UcxOperation operation)
    {
        var parameters = new UcpRequestParams
        {
            AttributeMask = UcpFlags.RequestCallback | UcpFlags.RequestUserData,
            Callback = UcxCallbacks.Sent,
            UserData = operation.Reference,
        };
        var status = UcxErrors.StatusOf(UcpApi.ucp_ep_flush_nbx(Pointer, &parameters));
        if (status != UcxStatus.InProgress)
            operation.Complete(status);
    }

    /// <summary>A callback of UCX: no exception may leave it.</summary>
    public void OnFailed(UcxStatus status)
    {
        try
        {
            _onFailed(status);
        }
        catch (Exception exception)
        {
            _onFault(exception);
        }
    }

    /// <summary>Closes it without waiting for anybody; what is under way completes with an error in the worker's next progress.</summary>
    public void Close() => _handle.Dispose();

    /// <summary>After <see cref="Close"/>, when nothing is under way any more: UCX calls back no longer.</summary>
    public void Dispose()
    {
        Close();
        if (_self.IsAllocated)
            _self.Free();
    }
}
