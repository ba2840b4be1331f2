using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using System.Runtime.CompilerServices;
using ILGPU;
using ILGPU.Backends;
using ILGPU.Backends.EntryPoints;
using ILGPU.Backends.PTX;
using ILGPU.IR;
using ILGPU.Runtime;
using ILGPU.Runtime.Cuda;

namespace ElasticEp.Cuda;

/// <summary>
/// ILGPU as a compiler and nothing else: C# method to PTX, with or without a GPU at hand. What was compiled is kept for the life of the
/// process, so a second device of a kind costs only the driver's part.
/// </summary>
[RequiresUnreferencedCode("Kernels are compiled from the IL of their methods.")]
[RequiresDynamicCode("Kernels are compiled from the IL of their methods.")]
internal sealed class PtxCompiler
{
    private static readonly CudaInstructionSet Isa = new(8, 0); // the first with everything of compute capability 9.0

    private readonly Lazy<Context> _context = new(CreateContext);
    private readonly ConcurrentDictionary<(MethodInfo Method, PtxTarget Target), Lazy<Ptx>> _compiled = new();
    private readonly ConcurrentDictionary<(int Major, int Minor), Lazy<PTXBackend>> _backends = new();
    private readonly Lock _lock = new();

    /// <summary>The compiler of this process.</summary>
    public static PtxCompiler Shared { get; } = new();

    /// <exception cref="ElasticEpException">The method cannot be compiled; the message has the reason.</exception>
    public Ptx Compile(MethodInfo method, PtxTarget target) =>
        _compiled.GetOrAdd((method, target), key => new Lazy<Ptx>(() => Translate(key.Method, key.Target))).Value;

    /// <summary>ILGPU knows targets up to 9.0, and later GPUs run the text of earlier ones.</summary>
    private static CudaArchitecture ArchitectureOf(Version capability) =>
        capability >= new Version(9, 0) ? CudaArchitecture.SM_90 : capability >= new Version(8, 9) ? CudaArchitecture.SM_89 : CudaArchitecture.SM_80;

    /// <summary>
    /// Optimization stops at O1: O2 takes every branch on the result of inline PTX as the same for all threads of a warp, which a branch
    /// on a lane number is not. Speeds were equal.
    /// </summary>
    private static Context CreateContext() => Context.Create(builder =>
    {
        builder.Optimize(OptimizationLevel.O1);
        DeviceMath.Register(builder.GetIntrinsicManager());
    });

    private Ptx Translate(MethodInfo method, PtxTarget target)
    {
        var name = $"{method.DeclaringType?.Name}.{method.Name}";
        if (!method.IsStatic)
            throw new ElasticEpException(ElasticEpErrorCode.InvalidArgument, $"{name} cannot be a kernel: it is not a static method (a lambda never is).");
        var architecture = ArchitectureOf(target.ComputeCapability);
        var backend = _backends.GetOrAdd((architecture.Major, architecture.Minor), _ => new Lazy<PTXBackend>(() => CreateBackend(architecture))).Value;
        try
        {
            // ILGPU's front end shares state within a context.
            lock (_lock)
            {
                var specialization = new KernelSpecialization(target.Threads == 0 ? null : target.Threads, target.Blocks == 0 ? null : target.Blocks);
                var compiled = (PTXCompiledKernel)backend.Compile(EntryPointDescription.FromExplicitlyGroupedKernel(method), specialization);
                var text = target.IsArchitectureSpecific ? MakeSpecific(compiled.PTXAssembly, architecture) : compiled.PTXAssembly;
                if (architecture < CudaArchitecture.SM_90)
                    text = LeaveOutOverlap(text);
                return new Ptx(name, compiled.Name, method.GetParameters().Length, text);
            }
        }
        catch (Exception exception) when (exception is InternalCompilerException or NotSupportedException or InvalidOperationException)
        {
            var reason = exception.InnerException is { } inner ? $"{exception.Message} {inner.Message}" : exception.Message;
            throw new ElasticEpException(ElasticEpErrorCode.InvalidArgument, $"{name} cannot be compiled to a kernel: {reason}", exception);
        }
    }

    private static string MakeSpecific(string text, CudaArchitecture architecture)
    {
        var target = $".target sm_{architecture.Major}{architecture.Minor}";
        return text.Replace(target, target + "a", StringComparison.Ordinal);
    }

    /// <summary>Kernels that wait for the one ahead run where none starts before that has ended, too.</summary>
    private static string LeaveOutOverlap(string text) =>
        text.Replace("griddepcontrol.wait;", "", StringComparison.Ordinal).Replace("griddepcontrol.launch_dependents;", "", StringComparison.Ordinal);

    private PTXBackend CreateBackend(CudaArchitecture architecture)
    {
        var capabilities = new CudaCapabilityContext(architecture);
        // ILGPU 1.5.3 would write .target sm_80 for every newer GPU.
        SetTarget(capabilities, architecture);
        return new PTXBackend(_context.Value, capabilities, architecture, Isa, null);
    }

    [UnsafeAccessor(UnsafeAccessorKind.Method, Name = "set_TargetArchitecture")]
    private static extern void SetTarget(CudaCapabilityContext capabilities, CudaArchitecture value);
}
