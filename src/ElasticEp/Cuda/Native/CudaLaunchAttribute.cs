using System.Runtime.InteropServices;

namespace ElasticEp.Cuda;

/// <summary>CUlaunchAttribute: an id, padding to 8 bytes, and a value of 64 bytes of which at most the first three words are used.</summary>
[StructLayout(LayoutKind.Sequential, Size = 72)]
internal struct CudaLaunchAttribute
{
    private int _id;
    private readonly int _padding;
    private uint _first;
    private uint _second;
    private uint _third;

    public static CudaLaunchAttribute Cooperative => new() { _id = 2, _first = 1 };

    public static CudaLaunchAttribute OverlapPrevious => new() { _id = 6, _first = 1 };

    public static CudaLaunchAttribute Cluster(int blocks) => new() { _id = 4, _first = (uint)blocks, _second = 1, _third = 1 };
}
