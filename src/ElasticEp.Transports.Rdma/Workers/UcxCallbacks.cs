using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using ElasticEp.Transports.Rdma.Native;

namespace ElasticEp.Transports.Rdma.Workers;

/// <summary>
/// What UCX calls. An exception that leaves one of these ends the process, so none does: each object that is called keeps its own, but for one
/// that is found by no reference of ours, which is a reason to end the process.
/// </summary>
internal static unsafe class UcxCallbacks
{
    public static delegate* unmanaged[Cdecl]<nint, UcxStatus, nint, void> Sent => &OnSent;

    public static delegate* unmanaged[Cdecl]<nint, UcxStatus, nuint, nint, void> Received => &OnReceived;

    public static delegate* unmanaged[Cdecl]<nint, byte*, nuint, byte*, nuint, UcpReceivedMessage*, UcxStatus> Message => &OnMessage;

    public static delegate* unmanaged[Cdecl]<nint, nint, UcxStatus, void> EndpointFailed => &OnEndpointFailed;

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void OnSent(nint request, UcxStatus status, nint operation) => Complete(request, status, operation);

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void OnReceived(nint request, UcxStatus status, nuint length, nint operation) => Complete(request, status, operation);

    private static void Complete(nint request, UcxStatus status, nint operation)
    {
        UcpApi.ucp_request_free(request);
        UcxOperation.From(operation).Complete(status);
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static UcxStatus OnMessage(nint reference, byte* header, nuint headerLength, byte* data, nuint length, UcpReceivedMessage* attributes)
    {
        var worker = (UcxWorker)GCHandle.FromIntPtr(reference).Target!;
        try
        {
            return worker.OnMessage(new ReceivedMessage(new ReadOnlySpan<byte>(header, (int)headerLength), data, (long)length, attributes));
        }
        catch (Exception exception)
        {
            worker.OnFault(exception);
            return UcxStatus.Ok; // the message is dropped
        }
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void OnEndpointFailed(nint endpoint, nint handle, UcxStatus status) => ((UcxEndpoint)GCHandle.FromIntPtr(endpoint).Target!).OnFailed(status);
}
