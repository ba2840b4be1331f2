namespace ElasticEp.Cuda;

/// <summary>Attributes of a device that are read; the numbers are the driver's.</summary>
internal enum CudaAttribute
{
    Multiprocessors = 16,
    ComputeCapabilityMajor = 75,
    ComputeCapabilityMinor = 76,
    VirtualMemory = 102,
    ExportsDescriptors = 103,
    MemoryPools = 115,
}
