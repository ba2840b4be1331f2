using ElasticEp.Weights;

namespace ElasticEp.Exchange;

/// <summary>Makes the engines of one kind.</summary>
internal interface IExchangeEngineFactory
{
    /// <summary>Makes the engine of one rank. It allocates nothing yet that depends on a view.</summary>
    /// <param name="layout">Sizes.</param>
    /// <param name="rank">The rank.</param>
    /// <param name="slots">The weights in its slots.</param>
    /// <param name="register">Registers memory that rows are received into with the transport; see <see cref="Transport.ITransport.Register"/>.</param>
    /// <param name="notify">Tells another member's engine something; see <see cref="IExchangeEngine.OnNotice"/>.</param>
    IExchangeEngine Create(ExchangeLayout layout, int rank, IExpertSlots slots, Func<EpBuffer, IDisposable> register, NoticeSender? notify = null);

    /// <summary>Has everything compiled that a first step would have to wait for.</summary>
    Task RehearseAsync(ElasticEpOptions options, TimeProvider time);
}
