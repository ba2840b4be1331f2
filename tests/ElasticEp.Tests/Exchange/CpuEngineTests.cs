using ElasticEp.Exchange;
using ElasticEp.Exchange.Cpu;
using ElasticEp.Kernels;

namespace ElasticEp.Tests.Exchange;

public sealed class CpuEngineTests : EngineConformance
{
    internal override IExchangeEngineFactory Engines { get; } = new CpuEngineFactory();
}

public sealed class ScalarEngineTests : EngineConformance
{
    internal override IExchangeEngineFactory Engines { get; } = new CpuEngineFactory(new CpuExchangeKernels(VectorWidth.Scalar));
}
