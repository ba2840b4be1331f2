using System.Runtime.InteropServices;

namespace ElasticEp.Transports.Rdma.Native;

/// <summary>
/// The part of UCX that is used. The library is loaded by <see cref="UcxLibrary"/>, which has to come first. A worker's calls come from one
/// thread.
/// </summary>
internal static unsafe partial class UcpApi
{
    /// <summary>The oldest release whose behaviour is relied on; asking for a later one than is installed would write a warning.</summary>
    public const uint MajorVersion = 1;

    /// <inheritdoc cref="MajorVersion"/>
    public const uint MinorVersion = 13;

    private const string Library = UcxLibrary.FileName;

    [LibraryImport(Library)]
    public static partial void ucp_get_version(out uint major, out uint minor, out uint release);

    [LibraryImport(Library)]
    public static partial UcxStatus ucp_config_read(nint prefix, nint file, out nint config);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    public static partial UcxStatus ucp_config_modify(nint config, string name, string value);

    [LibraryImport(Library)]
    public static partial void ucp_config_release(nint config);

    /// <summary>What the macro ucp_init calls.</summary>
    [LibraryImport(Library)]
    public static partial UcxStatus ucp_init_version(uint major, uint minor, UcpContextParams* parameters, nint config, out nint context);

    [LibraryImport(Library)]
    public static partial void ucp_cleanup(nint context);

    [LibraryImport(Library)]
    public static partial UcxStatus ucp_worker_create(nint context, UcpWorkerParams* parameters, out nint worker);

    [LibraryImport(Library)]
    public static partial void ucp_worker_destroy(nint worker);

    [LibraryImport(Library)]
    public static partial UcxStatus ucp_worker_query(nint worker, UcpWorkerAttributes* attributes);

    [LibraryImport(Library)]
    public static partial void ucp_worker_release_address(nint worker, nint address);

    [LibraryImport(Library)]
    public static partial UcxStatus ucp_worker_get_efd(nint worker, out int descriptor);

    [LibraryImport(Library)]
    public static partial UcxStatus ucp_worker_set_am_recv_handler(nint worker, UcpMessageHandlerParams* parameters);

    [LibraryImport(Library)]
    public static partial uint ucp_worker_progress(nint worker);

    [LibraryImport(Library)]
    public static partial UcxStatus ucp_worker_arm(nint worker);

    [LibraryImport(Library)]
    public static partial UcxStatus ucp_ep_create(nint worker, UcpEndpointParams* parameters, out nint endpoint);

    [LibraryImport(Library)]
    public static partial nint ucp_ep_close_nbx(nint endpoint, UcpRequestParams* parameters);

    [LibraryImport(Library)]
    public static partial nint ucp_ep_flush_nbx(nint endpoint, UcpRequestParams* parameters);

    [LibraryImport(Library)]
    public static partial nint ucp_am_send_nbx(nint endpoint, uint id, void* header, nuint headerLength, void* buffer, nuint count, UcpRequestParams* parameters);

    [LibraryImport(Library)]
    public static partial nint ucp_am_recv_data_nbx(nint worker, void* data, void* buffer, nuint count, UcpRequestParams* parameters);

    [LibraryImport(Library)]
    public static partial void ucp_am_data_release(nint worker, void* data);

    [LibraryImport(Library)]
    public static partial void ucp_request_free(nint request);

    [LibraryImport(Library)]
    public static partial UcxStatus ucp_mem_map(nint context, UcpMemoryMapParams* parameters, out nint memory);

    [LibraryImport(Library)]
    public static partial UcxStatus ucp_mem_unmap(nint context, nint memory);

    /// <summary>The words for a status; never freed.</summary>
    [LibraryImport(UcxLibrary.ServicesFileName)]
    public static partial nint ucs_status_string(UcxStatus status);

    /// <summary>.NET writes no variable into the C environment, which is the one that UCX reads.</summary>
    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    public static partial int setenv(string name, string value, int overwrite);

    [LibraryImport("libc")]
    public static partial int poll(PollDescriptor* descriptors, nuint count, int timeout);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int eventfd(uint initial, int flags);

    [LibraryImport("libc")]
    public static partial nint read(int descriptor, ulong* value, nuint length);

    [LibraryImport("libc")]
    public static partial nint write(int descriptor, ulong* value, nuint length);

    [LibraryImport("libc")]
    public static partial int close(int descriptor);

    /// <summary>struct pollfd.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct PollDescriptor
    {
        public int Descriptor;
        public short Events;
        public short Returned;
    }
}
