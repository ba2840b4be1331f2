namespace ElasticEp;

/// <summary>
/// One attempt of one step, as the app's delegate sees it. Valid until the delegate returns. What a call is given is read, and its output
/// written, until the call has ended, by the transport too: await every call, also after another one has failed, before a buffer is used again
/// or freed.
/// </summary>
public abstract class ElasticStep
{
    private protected ElasticStep()
    {
    }

    /// <summary>Number of the step, the same on all ranks.</summary>
    public abstract long Number { get; }

    /// <summary>1 for the first attempt; higher when the step is run again.</summary>
    public abstract int Attempt { get; }

    /// <summary>The view under which the step runs.</summary>
    public abstract GroupView View { get; }

    /// <summary>Most tokens that this rank may bring into one exchange.</summary>
    public abstract int MaxTokens { get; }

    /// <summary>Dispatches tokens to their experts, computes the experts of this rank, and combines the results.</summary>
    /// <param name="layer">MoE layer.</param>
    /// <param name="hidden">Rows <c>[tokens, hidden]</c> in the row type; the number of tokens follows from the length.</param>
    /// <param name="topkIds">Expert ids <c>[tokens, k]</c>, <see cref="ElementType.Int32"/>; −1 = none.</param>
    /// <param name="topkWeights">Weights <c>[tokens, k]</c>, <see cref="ElementType.Float32"/>.</param>
    /// <param name="output">Receives <c>[tokens, hidden]</c> in the row type.</param>
    /// <param name="expert">Computes one expert.</param>
    /// <param name="lane">Micro-batch, 0 ≤ lane &lt; <see cref="ElasticEpOptions.Lanes"/>.</param>
    /// <param name="cancellationToken">The delegate's token.</param>
    /// <exception cref="ElasticEpException">
    /// <see cref="ElasticEpErrorCode.InvalidArgument"/> for wrong shapes, ids out of range or a weight that is not finite;
    /// <see cref="ElasticEpErrorCode.StepAborted"/> when the group stopped the attempt;
    /// <see cref="ElasticEpErrorCode.DeadlineExceeded"/> with the ranks that did not answer.
    /// </exception>
    public abstract ValueTask ForwardExpertsAsync(int layer, EpBuffer hidden, EpBuffer topkIds, EpBuffer topkWeights, EpBuffer output, ExpertFunction expert, int lane = 0, CancellationToken cancellationToken = default);

    /// <summary>As <see cref="ForwardExpertsAsync"/>, with one call for all experts of this rank.</summary>
    /// <param name="layer">MoE layer.</param>
    /// <param name="hidden">Rows <c>[tokens, hidden]</c> in the row type; the number of tokens follows from the length.</param>
    /// <param name="topkIds">Expert ids <c>[tokens, k]</c>, <see cref="ElementType.Int32"/>; −1 = none.</param>
    /// <param name="topkWeights">Weights <c>[tokens, k]</c>, <see cref="ElementType.Float32"/>.</param>
    /// <param name="output">Receives <c>[tokens, hidden]</c> in the row type.</param>
    /// <param name="experts">Computes all experts; called once, also when no row has come.</param>
    /// <param name="lane">Micro-batch, 0 ≤ lane &lt; <see cref="ElasticEpOptions.Lanes"/>.</param>
    /// <param name="cancellationToken">The delegate's token.</param>
    /// <exception cref="ElasticEpException">See <see cref="ForwardExpertsAsync"/>.</exception>
    public abstract ValueTask ForwardGroupedExpertsAsync(int layer, EpBuffer hidden, EpBuffer topkIds, EpBuffer topkWeights, EpBuffer output, GroupedExpertFunction experts, int lane = 0, CancellationToken cancellationToken = default);

    /// <summary>The first half of <see cref="ForwardExpertsAsync"/>: sends rows and returns those that arrived here, grouped by slot.</summary>
    /// <inheritdoc cref="ForwardExpertsAsync"/>
    public abstract ValueTask<DispatchedRows> DispatchAsync(int layer, EpBuffer hidden, EpBuffer topkIds, EpBuffer topkWeights, int lane = 0, CancellationToken cancellationToken = default);

    /// <summary>The second half: returns expert outputs to their owners and sums what comes back.</summary>
    /// <param name="rows">What <see cref="DispatchAsync"/> returned.</param>
    /// <param name="expertOutput">Rows <c>[rows.Count, hidden]</c> in the order of <paramref name="rows"/>.</param>
    /// <param name="output">Receives <c>[tokens, hidden]</c>.</param>
    /// <param name="cancellationToken">The delegate's token.</param>
    public abstract ValueTask CombineAsync(DispatchedRows rows, EpBuffer expertOutput, EpBuffer output, CancellationToken cancellationToken = default);

    /// <summary>
    /// Whether a token has chosen an expert in this attempt that is being loaded again, under <see cref="LostExpertsPolicy.Fail"/>: what came
    /// back for it in that layer is zeros, and all that follows from it is worth nothing. Ask after the last layer; the answer counts once the step is complete.
    /// </summary>
    /// <param name="token">Row of the token in <c>hidden</c>.</param>
    /// <param name="lane">Its micro-batch.</param>
    public abstract bool MissesExpert(int token, int lane = 0);

    /// <summary>Says that this step has no further exchange, so that the other ranks learn it while the head and sampling still run. Implied when the delegate returns.</summary>
    /// <exception cref="ElasticEpException"><see cref="ElasticEpErrorCode.InvalidState"/> when not every layer of every lane was run.</exception>
    public abstract void EndExchanges();
}
