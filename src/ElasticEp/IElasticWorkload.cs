using ElasticEp.Weights;

namespace ElasticEp;

/// <summary>
/// The app's hooks of one rank. Calls come one at a time, never at the same time; steps may run while the leave hooks do.
/// An exception fails the operation that is under way, and only that.
/// </summary>
public interface IElasticWorkload
{
    /// <summary>Called once, first: allocate memory and register it.</summary>
    ValueTask InitializeAsync(IWeightRegistry weights, CancellationToken cancellationToken);

    /// <summary>Fills all registered dense memory from the workload's own source. Called on the first ranks only; later ones get it from peers.</summary>
    ValueTask LoadDenseAsync(CancellationToken cancellationToken);

    /// <summary>Fills one expert from the workload's own source, when no peer has it.</summary>
    ValueTask LoadExpertAsync(int layer, int expert, ExpertWeights destination, CancellationToken cancellationToken);

    /// <summary>
    /// All dense weights are there, and on one of the first ranks its experts: compile, warm up, run dry. The rank's first step comes after it returns. A
    /// standby warms up long before that: no operation is under way then, and an exception only has it tried again.
    /// </summary>
    ValueTask WarmUpAsync(CancellationToken cancellationToken) => default;

    /// <summary>
    /// This rank is to leave: take no new requests, let short ones finish within <paramref name="drainTime"/>, hand all others
    /// back between steps, and return when none is left. Steps go on meanwhile; after it returns they have zero tokens.
    /// </summary>
    ValueTask OnLeavingAsync(TimeSpan drainTime, CancellationToken cancellationToken) => default;

    /// <summary>The operation was rolled back after <see cref="OnLeavingAsync"/>: take requests again.</summary>
    ValueTask OnLeaveCancelledAsync(CancellationToken cancellationToken) => default;
}
