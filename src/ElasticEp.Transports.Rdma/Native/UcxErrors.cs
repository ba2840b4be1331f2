using System.Runtime.InteropServices;

namespace ElasticEp.Transports.Rdma.Native;

/// <summary>Makes errors of UCX's results.</summary>
internal static class UcxErrors
{
    private const nint LastError = -100;

    /// <summary>Throws unless a call has succeeded.</summary>
    /// <exception cref="ElasticEpException"><see cref="ElasticEpErrorCode.InvalidState"/>, with UCX's words.</exception>
    public static void Check(UcxStatus status, string what)
    {
        if (status != UcxStatus.Ok)
            throw new ElasticEpException(ElasticEpErrorCode.InvalidState, $"{what} failed: {Describe(status)}.");
    }

    public static string Describe(UcxStatus status) => $"{Marshal.PtrToStringUTF8(UcpApi.ucs_status_string(status))} ({(sbyte)status})";

    /// <summary>Reads a ucs_status_ptr_t: null is success, the last hundred addresses are errors, all else is a request under way.</summary>
    public static UcxStatus StatusOf(nint result) => result == 0 ? UcxStatus.Ok : (nuint)result >= unchecked((nuint)LastError) ? (UcxStatus)(sbyte)result : UcxStatus.InProgress;
}
