using System.Diagnostics.CodeAnalysis;

namespace ElasticEp.Cuda.Kernels;

/// <summary>
/// The kernels of an exchange loaded on one device. The compiler translates one at a time, the driver compiles them in parallel and
/// keeps them in its cache on disk for the next process.
/// </summary>
internal sealed class KernelLibrary : IDisposable
{
    private readonly CudaDevice _device;
    private readonly Dictionary<Delegate, CudaKernel> _kernels;

    private KernelLibrary(CudaDevice device, Dictionary<Delegate, CudaKernel> kernels) => (_device, _kernels) = (device, kernels);

    /// <exception cref="ElasticEpException">A kernel does not load; none stays loaded.</exception>
    [RequiresUnreferencedCode("Kernels are compiled from the IL of their methods.")]
    [RequiresDynamicCode("Kernels are compiled from the IL of their methods.")]
    public static KernelLibrary Load(CudaDevice device)
    {
        var loads = KernelMethods.All.Select(kernel => (kernel.Method, Task: Task.Run(() => device.LoadKernel(kernel.Method, kernel.Threads)))).ToList();
        try
        {
            Task.WaitAll(loads.Select(load => load.Task));
        }
        catch (AggregateException exception)
        {
            foreach (var (_, task) in loads.Where(load => load.Task.IsCompletedSuccessfully))
                task.Result.Dispose();
            throw exception.InnerExceptions[0];
        }

        return new KernelLibrary(device, loads.ToDictionary<(Delegate Method, Task<CudaKernel> Task), Delegate, CudaKernel>(load => load.Method, load => load.Task.Result, ReferenceEqualityComparer.Instance));
    }

    /// <summary>Registers and spilled bytes of each kernel.</summary>
    public IEnumerable<(string Name, int Registers, int Spilled)> Describe() =>
        _kernels.Select(kernel => ($"{kernel.Key.Method.DeclaringType!.Name}.{kernel.Key.Method.Name}", kernel.Value.Registers, kernel.Value.SpilledBytes));

    /// <summary>A launcher for a stream.</summary>
    public IKernelLauncher On(CudaStream stream) => new Launcher(_device, _kernels, stream);

    public void Dispose()
    {
        foreach (var kernel in _kernels.Values)
            kernel.Dispose();
    }

    private sealed class Launcher(CudaDevice device, Dictionary<Delegate, CudaKernel> kernels, CudaStream stream) : IKernelLauncher
    {
        public int Multiprocessors => device.Multiprocessors;

        public int Threads(int wanted) => wanted;

        public int BlocksThatFit(Delegate kernel, int threads) => kernels[kernel].BlocksThatFit(threads) * device.Multiprocessors;

        public void Launch(Delegate kernel, CudaLaunch launch, params ReadOnlySpan<CudaArgument> arguments) =>
            kernels[kernel].Launch(stream, launch, arguments);
    }
}
