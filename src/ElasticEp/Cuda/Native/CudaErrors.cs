using System.Globalization;
using System.Runtime.InteropServices;

namespace ElasticEp.Cuda;

/// <summary>Turns results of the driver into errors. What was asked is formatted only after a failure, so a call costs a compare.</summary>
internal static class CudaErrors
{
    public static void Check(int result, string asked)
    {
        if (result != 0)
            throw Create(result, asked);
    }

    public static CudaException Create(int result, string asked) => new(result, NameOf(result), $"{Describe(result, asked)}.");

    /// <summary>An error of an allocation: needs the context to be current.</summary>
    public static CudaException Memory(int result, string asked, long bytes)
    {
        var there = CudaApi.cuMemGetInfo_v2(out var free, out var total) == 0
            ? $"{Size((long)free)} of {Size((long)total)} were free"
            : "how much was free could not be read";
        return new CudaException(result, NameOf(result), $"{Describe(result, asked)}: {Size(bytes)} were needed, {there}.");
    }

    public static string Size(long bytes) => bytes switch
    {
        >= 1L << 30 => string.Create(CultureInfo.InvariantCulture, $"{bytes / (double)(1L << 30):F2} GiB"),
        >= 1L << 20 => string.Create(CultureInfo.InvariantCulture, $"{bytes / (double)(1L << 20):F1} MiB"),
        _ => $"{bytes} bytes",
    };

    public static string NameOf(int result) =>
        CudaApi.cuGetErrorName(result, out var text) == 0 ? Marshal.PtrToStringUTF8(text)! : $"CUresult {result}";

    private static string Describe(int result, string asked)
    {
        var meaning = CudaApi.cuGetErrorString(result, out var text) == 0 ? $" ({Marshal.PtrToStringUTF8(text)})" : "";
        return $"{asked} failed with {NameOf(result)}{meaning}";
    }
}
