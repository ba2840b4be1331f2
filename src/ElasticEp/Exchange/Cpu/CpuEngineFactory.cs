using ElasticEp.Kernels;
using ElasticEp.Weights;

namespace ElasticEp.Exchange.Cpu;

/// <summary>Makes engines that move and sum rows on the processor.</summary>
/// <param name="kernels">How; null for the fastest of this processor.</param>
internal sealed class CpuEngineFactory(IExchangeKernels? kernels = null) : IExchangeEngineFactory
{
    private readonly IExchangeKernels _kernels = kernels ?? new CpuExchangeKernels();

    public IExchangeEngine Create(ExchangeLayout layout, int rank, IExpertSlots slots, Func<EpBuffer, IDisposable> register, NoticeSender? notify = null) => new CpuEngine(layout, rank, _kernels, slots, register);

    public Task RehearseAsync(ElasticEpOptions options, TimeProvider time) => ExchangeRehearsal.RunAsync(options, this, time);
}
