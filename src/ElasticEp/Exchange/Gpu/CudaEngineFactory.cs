using System.Diagnostics.CodeAnalysis;
using ElasticEp.Cuda;
using ElasticEp.Cuda.Kernels;
using ElasticEp.Weights;
using Microsoft.Extensions.Logging;

namespace ElasticEp.Exchange.Gpu;

/// <summary>Makes the engine of a rank on one GPU, whose kernels it loads first.</summary>
/// <param name="cuda">Which GPU.</param>
/// <param name="options">Of the group.</param>
/// <param name="time">The clock.</param>
/// <param name="logger">Told how rows travel.</param>
[RequiresUnreferencedCode("Kernels are compiled from the IL of their methods.")]
[RequiresDynamicCode("Kernels are compiled from the IL of their methods.")]
internal sealed class CudaEngineFactory(CudaKernelOptions cuda, ElasticEpOptions options, TimeProvider time, ILogger<CudaEngine> logger) : IExchangeEngineFactory
{
    /// <exception cref="ElasticEpException">There is no such GPU, or the options ask for what its kernels cannot do.</exception>
    public IExchangeEngine Create(ExchangeLayout layout, int rank, IExpertSlots slots, Func<EpBuffer, IDisposable> register, NoticeSender? notify = null)
    {
        if (layout.MayMissExperts)
            throw new ElasticEpException(ElasticEpErrorCode.InvalidArgument, "LostExperts is Fail, which CUDA kernels cannot do; use Wait, or processors.");
        var device = CudaDevice.Open(cuda.Device);
        try
        {
            return new CudaEngine(device, KernelLibrary.Load(device), layout, options, rank, slots, notify ?? throw new ArgumentNullException(nameof(notify)), time, logger);
        }
        catch
        {
            device.Dispose();
            throw;
        }
    }

    /// <summary>Nothing is left: kernels are loaded with the engine.</summary>
    public Task RehearseAsync(ElasticEpOptions options, TimeProvider time) => Task.CompletedTask;
}
