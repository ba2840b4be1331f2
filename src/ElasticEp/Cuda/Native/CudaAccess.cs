using System.Runtime.InteropServices;

namespace ElasticEp.Cuda;

/// <summary>CUmemAccessDesc: a device may read and write a mapped range.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct CudaAccess
{
    private int _locationType;
    private int _device;
    private int _flags;

    public static CudaAccess ReadWrite(int device) => new() { _locationType = 1, _device = device, _flags = 3 };
}
