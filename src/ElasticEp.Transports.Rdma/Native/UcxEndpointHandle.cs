using Microsoft.Win32.SafeHandles;

namespace ElasticEp.Transports.Rdma.Native;

/// <summary>
/// A way to one worker of a peer. It keeps its worker, and is disposed on the worker's thread. Closing is by force: it waits for nobody, and all
/// that is under way completes with an error as the worker makes progress.
/// </summary>
internal sealed unsafe class UcxEndpointHandle : SafeHandleZeroOrMinusOneIsInvalid
{
    /// <summary>More than UCX reads of an address that says no end: nothing in it ends sooner than what it can have most of.</summary>
    private const int Padding = 64 << 10;

    private readonly UcxWorkerHandle _worker;

    private UcxEndpointHandle(UcxWorkerHandle worker)
        : base(ownsHandle: true) => _worker = worker;

    /// <param name="worker">Whose it is.</param>
    /// <param name="address">Of the peer's worker, as the peer gave it. UCX is told no length of it, so that zeros follow, which it reads as no address.</param>
    /// <param name="onFailed">Called once at most, from the worker's progress, when the peer cannot be reached any more.</param>
    /// <param name="argument">Its first argument.</param>
    public static UcxEndpointHandle Create(UcxWorkerHandle worker, ReadOnlySpan<byte> address, delegate* unmanaged[Cdecl]<nint, nint, UcxStatus, void> onFailed, nint argument)
    {
        var isKept = false;
        worker.DangerousAddRef(ref isKept);
        var endpoint = new UcxEndpointHandle(worker);
        UcxStatus status;
        nint handle;
        var padded = new byte[address.Length + Padding];
        address.CopyTo(padded);
        fixed (byte* bytes = padded)
        {
            var parameters = new UcpEndpointParams
            {
                FieldMask = UcpFlags.EndpointRemoteAddress | UcpFlags.EndpointErrorMode | UcpFlags.EndpointErrorHandler,
                Address = bytes,
                ErrorMode = UcpFlags.ErrorModePeer, // without it, what is sent to a dead peer never completes
                ErrorCallback = onFailed,
                ErrorArgument = argument,
            };
            status = UcpApi.ucp_ep_create(worker.DangerousGetHandle(), &parameters, out handle);
        }

        if (status != UcxStatus.Ok)
            worker.DangerousRelease();
        UcxErrors.Check(status, "Creating an endpoint of UCX");
        endpoint.SetHandle(handle);
        return endpoint;
    }

    protected override bool ReleaseHandle()
    {
        var parameters = new UcpRequestParams { AttributeMask = UcpFlags.RequestFlags, Flags = UcpFlags.CloseForce };
        var result = UcpApi.ucp_ep_close_nbx(handle, &parameters);
        var status = UcxErrors.StatusOf(result);
        if (status == UcxStatus.InProgress)
            UcpApi.ucp_request_free(result); // it goes on by itself
        _worker.DangerousRelease();
        return status is UcxStatus.Ok or UcxStatus.InProgress;
    }
}
