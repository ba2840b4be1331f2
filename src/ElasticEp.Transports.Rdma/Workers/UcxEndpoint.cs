using System.Runtime.InteropServices;
using ElasticEp.Transports.Rdma.Native;

namespace ElasticEp.Transports.Rdma.Workers;

/// <summary>An endpoint of a worker; used and disposed on the worker's thread.</summary>
internal sealed unsafe class UcxEndpoint : IDisposable
{
    private readonly UcxEndpointHandle _handle;
    private readonly Action<UcxStatus> _onFailed;
    private GCHandle _self;

    /// <param name="worker">Whose it is.</param>
    /// <param name="address">Of the peer's worker.</param>
    /// <param name="onFailed">Told once at most, in the middle of UCX's progress: only notes it.</param>
    public UcxEndpoint(UcxWorkerHandle worker, ReadOnlySpan<byte> address, Action<UcxStatus> onFailed)
    {
        _onFailed = onFailed;
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

    public bool IsClosed => _handle.IsClosed;

    public void OnFailed(UcxStatus status) => _onFailed(status);

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
