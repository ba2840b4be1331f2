namespace ElasticEp.Samples.Serving;

/// <summary>
/// A model as one rank serves it. The serving loop decides which sequences run, which tokens a step computes and which pages of cache they
/// take; the model has the memory of those pages and computes.
/// <para>
/// Calls do not overlap, except <see cref="Prepare"/>, which may run while <see cref="RunAsync"/> does. What a step writes into the cache is a
/// function of (slot, position) alone: the same step run again, or another one prepared in its place, leaves the same content. What a step draws is
/// a function of the sequence's seed and the place of the token in its text (<see cref="Sampler"/>).
/// </para>
/// </summary>
public interface IServedModel
{
    /// <summary>What it has room for. Does not change.</summary>
    ModelLimits Limits { get; }

    /// <summary>A sequence takes a slot; its first chunk comes in one of the next steps. Does not fail: what may belongs to <see cref="Prepare"/>.</summary>
    /// <param name="slot">0 ≤ slot &lt; <see cref="ModelLimits.Sequences"/>; closed.</param>
    /// <param name="start">The sequence.</param>
    void Open(int slot, SequenceStart start);

    /// <summary>The sequence has ended or goes elsewhere: no prepared step has a chunk of it, and its pages go to others. Does not fail.</summary>
    /// <param name="slot">An open slot.</param>
    void Close(int slot);

    /// <summary>
    /// Does what a step needs of the host: checks, tables, copies. It may be dropped unrun. It runs once for all attempts of the step.
    /// </summary>
    /// <param name="batch">Frozen until the step is disposed of; may have no chunk.</param>
    PreparedStep Prepare(StepBatch batch);

    /// <summary>
    /// One attempt: all layers, then <see cref="ElasticStep.EndExchanges"/>, then sampling begins. Every MoE layer must be run, also without any chunk.
    /// </summary>
    /// <param name="prepared">What <see cref="Prepare"/> has returned.</param>
    /// <param name="step">The attempt.</param>
    /// <param name="cancellationToken">Ends the attempt.</param>
    ValueTask RunAsync(PreparedStep prepared, ElasticStep step, CancellationToken cancellationToken);

    /// <summary>Waits for the sampled tokens and gives them out. Called after <see cref="RunAsync"/>, once for each attempt that has come to its end.</summary>
    /// <param name="prepared">The step.</param>
    /// <param name="output">Receives one entry for each chunk.</param>
    /// <param name="cancellationToken">Ends the attempt.</param>
    ValueTask ReadAsync(PreparedStep prepared, StepOutput output, CancellationToken cancellationToken);
}
