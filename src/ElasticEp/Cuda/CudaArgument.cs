namespace ElasticEp.Cuda;

/// <summary>One argument of a kernel, as 64 bits from which the driver takes as many as the parameter has.</summary>
public readonly struct CudaArgument
{
    private CudaArgument(long bits) => Bits = bits;

    internal long Bits { get; }

    /// <summary>An <c>int</c> parameter.</summary>
    public static implicit operator CudaArgument(int value) => new(value);

    /// <summary>A <c>long</c> parameter; addresses are longs.</summary>
    public static implicit operator CudaArgument(long value) => new(value);

    /// <summary>A <c>float</c> parameter.</summary>
    public static implicit operator CudaArgument(float value) => new(BitConverter.SingleToInt32Bits(value));

    /// <summary>The address of memory, for a <c>long</c> parameter.</summary>
    public static implicit operator CudaArgument(CudaMemory memory) => new(memory.Address);
}
