using System.Runtime.InteropServices;

namespace ElasticEp.Cuda;

/// <summary>Memory: virtual ranges with physical memory behind them, pools, pinned host memory, copies.</summary>
internal static unsafe partial class CudaApi
{
    [LibraryImport(Library)]
    public static partial int cuMemGetInfo_v2(out nuint free, out nuint total);

    [LibraryImport(Library)]
    public static partial int cuMemGetAllocationGranularity(out nuint granularity, CudaAllocation* properties, int option);

    [LibraryImport(Library)]
    public static partial int cuMemCreate(out ulong handle, nuint bytes, CudaAllocation* properties, ulong flags);

    [LibraryImport(Library)]
    public static partial int cuMemRelease(ulong handle);

    [LibraryImport(Library)]
    public static partial int cuMemAddressReserve(out ulong address, nuint bytes, nuint alignment, ulong wanted, ulong flags);

    [LibraryImport(Library)]
    public static partial int cuMemAddressFree(ulong address, nuint bytes);

    [LibraryImport(Library)]
    public static partial int cuMemMap(ulong address, nuint bytes, nuint offset, ulong handle, ulong flags);

    [LibraryImport(Library)]
    public static partial int cuMemUnmap(ulong address, nuint bytes);

    [LibraryImport(Library)]
    public static partial int cuMemSetAccess(ulong address, nuint bytes, CudaAccess* access, nuint count);

    [LibraryImport(Library)]
    public static partial int cuMemExportToShareableHandle(int* descriptor, ulong handle, int type, ulong flags);

    [LibraryImport(Library)]
    public static partial int cuMemImportFromShareableHandle(out ulong handle, nint descriptor, int type);

    [LibraryImport(Library)]
    public static partial int cuDeviceGetDefaultMemPool(out nint pool, int device);

    [LibraryImport(Library)]
    public static partial int cuMemAllocFromPoolAsync(out ulong address, nuint bytes, nint pool, nint stream);

    [LibraryImport(Library)]
    public static partial int cuMemFreeAsync(ulong address, nint stream);

    [LibraryImport(Library)]
    public static partial int cuMemHostAlloc(out nint address, nuint bytes, uint flags);

    [LibraryImport(Library)]
    public static partial int cuMemFreeHost(nint address);

    [LibraryImport(Library)]
    public static partial int cuMemcpyAsync(ulong target, ulong source, nuint bytes, nint stream);

    [LibraryImport(Library)]
    public static partial int cuMemsetD32Async(ulong target, uint value, nuint count, nint stream);

    [LibraryImport(Library)]
    public static partial int cuMemsetD8Async(ulong target, byte value, nuint count, nint stream);
}
