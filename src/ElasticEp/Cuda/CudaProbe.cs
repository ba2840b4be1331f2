using System.Runtime.InteropServices;

namespace ElasticEp.Cuda;

/// <summary>Finds out once whether there is a driver and a GPU, and if not, why.</summary>
internal static class CudaProbe
{
    private static readonly Lazy<(int Count, string Reason)> Found = new(Find);

    public static int Count(out string reason)
    {
        reason = Found.Value.Reason;
        return Found.Value.Count;
    }

    private static (int Count, string Reason) Find()
    {
        if (!OperatingSystem.IsLinux())
            return (0, "CUDA is used on Linux only.");
        if (!NativeLibrary.TryLoad(CudaApi.Library, out _))
            return (0, $"The CUDA driver is not installed: {CudaApi.Library} cannot be loaded.");
        var result = CudaApi.cuInit(0);
        if (result == (int)CudaResult.NoDevice)
            return (0, "The CUDA driver is installed and sees no GPU (is CUDA_VISIBLE_DEVICES empty?).");
        if (result != 0)
            return (0, $"The CUDA driver does not start: cuInit failed with {CudaErrors.NameOf(result)}.");
        result = CudaApi.cuDeviceGetCount(out var count);
        return result != 0 ? (0, $"The CUDA driver does not count its GPUs: {CudaErrors.NameOf(result)}.")
            : count == 0 ? (0, "The CUDA driver sees no GPU.")
            : (count, "");
    }
}
