using ElasticEp.Kernels;

namespace ElasticEp.Tests.Kernels;

public sealed class CpuKernelTests : KernelConformance
{
    internal override IExchangeKernels Create() => new CpuExchangeKernels();
}

public sealed class ScalarKernelTests : KernelConformance
{
    internal override IExchangeKernels Create() => new CpuExchangeKernels(VectorWidth.Scalar);
}

public sealed class Vector256KernelTests : KernelConformance
{
    internal override IExchangeKernels Create() => new CpuExchangeKernels(VectorWidth.Vector256);
}

public sealed class Vector512KernelTests : KernelConformance
{
    internal override IExchangeKernels Create() => new CpuExchangeKernels(VectorWidth.Vector512);
}
