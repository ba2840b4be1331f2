using ElasticEp.Cuda.Kernels;

namespace ElasticEp.Gpu.Tests.Kernels;

/// <summary>Where the kernels under test run, and memory of theirs.</summary>
public interface IKernelMachine : IDisposable
{
    internal ExchangeKernels Kernels { get; }

    /// <summary>Memory with a copy of the values; freed with the machine. Around it lies memory that no kernel may touch.</summary>
    long Upload<T>(ReadOnlySpan<T> values)
        where T : unmanaged;

    /// <summary>Waits for the kernels and reads memory.</summary>
    T[] Download<T>(long address, int count)
        where T : unmanaged;

    /// <summary>Overwrites memory.</summary>
    void Write<T>(long address, ReadOnlySpan<T> values)
        where T : unmanaged;

    /// <summary>Cleared memory that the host and the kernels read and write at the same address.</summary>
    long Pin(int bytes);
}
