using System.Runtime.InteropServices;

namespace ElasticEp.Benchmarks.Transport;

/// <summary>Native memory, never freed: it lives as long as the benchmark.</summary>
internal static unsafe class NativeMemoryBlock
{
    public static nint Allocate(int bytes)
    {
        var memory = NativeMemory.AlignedAlloc((nuint)bytes, 64);
        NativeMemory.Clear(memory, (nuint)bytes);
        return (nint)memory;
    }
}
