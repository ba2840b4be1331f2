using System.Reflection;
using ElasticEp.Cuda;
using ElasticEp.Cuda.Kernels;
using ILGPU;

namespace ElasticEp.Gpu.Tests.Cuda;

/// <summary>Kernels compile to PTX on a machine without a GPU.</summary>
public sealed class PtxCompilerTests
{
    private static readonly PtxTarget Hopper = new(new Version(9, 0), IsArchitectureSpecific: false, Threads: 256, Blocks: 2);

    public static TheoryData<string> Kernels => [.. KernelMethods.All.Select(kernel => $"{kernel.Method.Method.DeclaringType!.Name}.{kernel.Method.Method.Name}")];

    [Theory]
    [MemberData(nameof(Kernels))]
    public void Every_kernel_of_the_exchange_compiles_and_calls_nothing(string name)
    {
        var method = MethodOf(name);
        var ptx = PtxCompiler.Shared.Compile(method, Hopper);
        Assert.Equal(method.GetParameters().Length, ptx.Parameters);
        Assert.Contains(".target sm_90\n", ptx.Text.ReplaceLineEndings("\n"), StringComparison.Ordinal);
        Assert.Contains(".maxntid 256", ptx.Text, StringComparison.Ordinal);
        Assert.Contains(".minnctapersm 2", ptx.Text, StringComparison.Ordinal);
        Assert.Contains($".entry {ptx.EntryPoint}(", ptx.Text, StringComparison.Ordinal);
        Assert.DoesNotContain(".extern .func", ptx.Text, StringComparison.Ordinal); // the driver would not find it
    }

    [Theory]
    [MemberData(nameof(Kernels))]
    public void Every_kernel_of_the_exchange_waits_once_for_the_one_ahead(string name)
    {
        var waits = PtxCompiler.Shared.Compile(MethodOf(name), Hopper).Text.Split("griddepcontrol.wait;").Length - 1;
        var mayWaitForPeers = name is "PlaceKernel.Run" or "SumKernels.BFloat16" or "SumKernels.Float32"; // in one of two branches
        Assert.Equal(mayWaitForPeers ? 2 : 1, waits);
    }

    [Theory]
    [MemberData(nameof(Kernels))]
    public void Where_no_kernel_starts_before_the_one_ahead_has_ended_none_waits_for_it(string name) =>
        Assert.DoesNotContain("griddepcontrol", PtxCompiler.Shared.Compile(MethodOf(name), Hopper with { ComputeCapability = new Version(8, 9) }).Text, StringComparison.Ordinal);

    [Theory]
    [InlineData("8.0", false, ".target sm_80")]
    [InlineData("8.6", false, ".target sm_80")]
    [InlineData("8.9", false, ".target sm_89")]
    [InlineData("9.0", true, ".target sm_90a")]
    [InlineData("10.0", false, ".target sm_90")]
    public void The_target_is_the_newest_that_the_device_runs(string capability, bool isArchitectureSpecific, string expected)
    {
        var ptx = PtxCompiler.Shared.Compile(((Delegate)Double).Method, new PtxTarget(Version.Parse(capability), isArchitectureSpecific, 0, 0));
        Assert.Contains(expected + "\n", ptx.Text.ReplaceLineEndings("\n"), StringComparison.Ordinal);
    }

    [Fact]
    public void A_method_is_compiled_once_for_a_target()
    {
        var method = ((Delegate)Double).Method;
        Assert.Same(PtxCompiler.Shared.Compile(method, Hopper), PtxCompiler.Shared.Compile(method, Hopper));
        Assert.NotSame(PtxCompiler.Shared.Compile(method, Hopper), PtxCompiler.Shared.Compile(method, Hopper with { Threads = 64 }));
    }

    [Fact]
    public void A_lambda_is_refused_by_name()
    {
        var factor = 3;
        var lambda = (long target) => { _ = target * factor; };
        var error = Assert.Throws<ElasticEpException>(() => PtxCompiler.Shared.Compile(lambda.Method, Hopper));
        Assert.Contains("it is not a static method", error.Message, StringComparison.Ordinal);
        Assert.Equal(ElasticEpErrorCode.InvalidArgument, error.Code);
    }

    [Fact]
    public void What_the_compiler_does_not_know_is_an_error_with_its_reason()
    {
        var error = Assert.Throws<ElasticEpException>(() => PtxCompiler.Shared.Compile(((Delegate)Allocate).Method, Hopper));
        Assert.StartsWith("PtxCompilerTests.Allocate cannot be compiled to a kernel: ", error.Message, StringComparison.Ordinal);
    }

    private static MethodInfo MethodOf(string name) =>
        KernelMethods.All.Select(kernel => kernel.Method.Method).Single(method => $"{method.DeclaringType!.Name}.{method.Name}" == name);

    private static unsafe void Double(long target, int count)
    {
        var i = (Grid.IdxX * Group.DimX) + Group.IdxX;
        if (i < count)
            ((float*)target)[i] *= 2;
    }

    private static unsafe void Allocate(long target) => *(int*)target = new object().GetHashCode();
}
