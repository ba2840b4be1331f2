using ElasticEp.Cuda;
using ElasticEp.Samples.GpuExpert;

namespace ElasticEp.Gpu.Tests.Cuda;

public sealed class SampleTests
{
    [Fact]
    public void The_expert_kernel_of_the_sample_compiles_and_calls_nothing()
    {
        var ptx = PtxCompiler.Shared.Compile(((Delegate)ExpertKernel.Run).Method, new PtxTarget(new Version(9, 0), false, 128, 0));
        Assert.DoesNotContain(".extern", ptx.Text, StringComparison.Ordinal);
        Assert.Equal(6, ptx.Parameters);
    }
}
