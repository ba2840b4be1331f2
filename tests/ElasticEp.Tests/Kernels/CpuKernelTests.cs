using ElasticEp.Kernels;
using ElasticEp.TestKit;

namespace ElasticEp.Tests.Kernels;

public sealed class CpuKernelTests : KernelConformance
{
    protected override IExchangeKernels Create() => new CpuExchangeKernels();
}

public sealed class ScalarKernelTests : KernelConformance
{
    protected override IExchangeKernels Create() => new CpuExchangeKernels(VectorWidth.Scalar);
}

public sealed class Vector256KernelTests : KernelConformance
{
    protected override IExchangeKernels Create() => new CpuExchangeKernels(VectorWidth.Vector256);
}

public sealed class Vector512KernelTests : KernelConformance
{
    protected override IExchangeKernels Create() => new CpuExchangeKernels(VectorWidth.Vector512);
}
