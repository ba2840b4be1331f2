using ElasticEp.Rendezvous;
using ElasticEp.Transport;
using Microsoft.Extensions.Logging;

namespace ElasticEp.Runtime;

/// <summary>What every process of a group needs, rank or client.</summary>
/// <param name="Name">Name of the group.</param>
/// <param name="Options">Validated options.</param>
/// <param name="Transport">Not started; the runtime starts and disposes it.</param>
/// <param name="Store">Shared; the runtime does not dispose it.</param>
/// <param name="Time">The clock.</param>
/// <param name="Loggers">Makes loggers.</param>
/// <param name="Metrics">Instruments of the group.</param>
internal sealed record GroupServices(
    string Name,
    ElasticEpOptions Options,
    ITransport Transport,
    IRendezvousStore Store,
    TimeProvider Time,
    ILoggerFactory Loggers,
    Diagnostics.ElasticEpMetrics Metrics)
{
    /// <summary>Makes processes fail on purpose, in tests; null otherwise.</summary>
    public IFaultInjector? Faults { get; init; }

    /// <summary>How long this rank waits before it brings a group into being: its store may be a new one, beside which a group lives that has yet to notice.</summary>
    public TimeSpan BirthPatience { get; init; }

    /// <summary>Observes the operations that this process requests.</summary>
    public Diagnostics.OperationTelemetry OperationTelemetry { get; } = new(Name, Metrics, Time);
}
