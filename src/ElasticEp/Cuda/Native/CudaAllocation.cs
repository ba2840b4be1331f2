using System.Runtime.InteropServices;

namespace ElasticEp.Cuda;

/// <summary>CUmemAllocationProp: pinned memory of one device, exportable as a file descriptor or not.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct CudaAllocation
{
    public const int DescriptorHandle = 1; // CU_MEM_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR

    private int _type;
    private int _handleTypes;
    private int _locationType;
    private int _device;
    private readonly nint _win32;
    private readonly ulong _flags;

    public static CudaAllocation Of(int device, bool isExportable) => new()
    {
        _type = 1,
        _handleTypes = isExportable ? DescriptorHandle : 0,
        _locationType = 1,
        _device = device,
    };
}
