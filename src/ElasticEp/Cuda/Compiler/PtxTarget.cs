namespace ElasticEp.Cuda;

/// <summary>What a kernel is compiled for.</summary>
/// <param name="ComputeCapability">Of the device.</param>
/// <param name="IsArchitectureSpecific">For this generation alone.</param>
/// <param name="Threads">Most threads of a block, or 0.</param>
/// <param name="Blocks">Blocks on a multiprocessor that there must be registers for, or 0.</param>
internal readonly record struct PtxTarget(Version ComputeCapability, bool IsArchitectureSpecific, int Threads, int Blocks);
