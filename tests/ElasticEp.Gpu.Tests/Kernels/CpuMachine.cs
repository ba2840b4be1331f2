using System.Linq.Expressions;
using System.Runtime.InteropServices;
using ElasticEp.Cuda;
using ElasticEp.Cuda.Kernels;
using ILGPU;
using ILGPU.Runtime;
using ILGPU.Runtime.CPU;

namespace ElasticEp.Gpu.Tests.Kernels;

/// <summary>ILGPU's CPU accelerator: 16 threads a block, simulated; the kernels' scalar paths run.</summary>
public sealed unsafe class CpuMachine : IKernelMachine, IKernelLauncher
{
    private readonly Context _context = Context.Create(builder => builder.CPU());
    private readonly CPUAccelerator _accelerator;
    private readonly Dictionary<Delegate, Delegate> _launchers = [];
    private readonly List<nint> _memory = [];

    public CpuMachine() => (_accelerator, Kernels) = (_context.CreateCPUAccelerator(0), new ExchangeKernels(this, new KernelTuning { CopyBlocks = 3, SumBlocks = 3 }));

    ExchangeKernels IKernelMachine.Kernels => Kernels;

    int IKernelLauncher.Multiprocessors => 1;

    private ExchangeKernels Kernels { get; }

    public long Upload<T>(ReadOnlySpan<T> values)
        where T : unmanaged
    {
        var memory = (nint)NativeMemory.AlignedAlloc((nuint)Math.Max(1, values.Length * sizeof(T)), 256);
        _memory.Add(memory);
        values.CopyTo(new Span<T>((void*)memory, values.Length));
        return memory;
    }

    public T[] Download<T>(long address, int count)
        where T : unmanaged => new ReadOnlySpan<T>((void*)address, count).ToArray();

    public void Write<T>(long address, ReadOnlySpan<T> values)
        where T : unmanaged => values.CopyTo(new Span<T>((void*)address, values.Length));

    public long Pin(int bytes) => Upload<byte>(new byte[bytes]);

    int IKernelLauncher.BlocksThatFit(Delegate kernel, int threads) => 6;

    int IKernelLauncher.Threads(int wanted) => Math.Min(wanted, _accelerator.MaxNumThreadsPerGroup);

    void IKernelLauncher.Launch(Delegate kernel, CudaLaunch launch, params ReadOnlySpan<CudaArgument> arguments)
    {
        var parameters = kernel.Method.GetParameters();
        Assert.Equal(parameters.Length, arguments.Length);
        object[] values = [_accelerator.DefaultStream, new KernelConfig(new Index3D(launch.Blocks, launch.Rows, 1), new Index3D(launch.Threads, 1, 1)), .. new object[parameters.Length]];
        for (var i = 0; i < parameters.Length; i++)
            values[i + 2] = parameters[i].ParameterType == typeof(long) ? arguments[i].Bits : (object)(int)arguments[i].Bits;
        LauncherOf(kernel).DynamicInvoke(values);
        _accelerator.Synchronize();
    }

    public void Dispose()
    {
        _accelerator.Dispose();
        _context.Dispose();
        foreach (var memory in _memory)
            NativeMemory.AlignedFree((void*)memory);
    }

    private Delegate LauncherOf(Delegate kernel)
    {
        if (_launchers.TryGetValue(kernel, out var launcher))
            return launcher;
        var loaded = _accelerator.LoadKernel(kernel.Method);
        var type = Expression.GetDelegateType([typeof(AcceleratorStream), typeof(KernelConfig), .. kernel.Method.GetParameters().Select(parameter => parameter.ParameterType), typeof(void)]);
        launcher = loaded.Launcher!.CreateDelegate(type, loaded);
        _launchers.Add(kernel, launcher);
        return launcher;
    }
}
