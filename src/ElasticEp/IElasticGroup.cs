namespace ElasticEp;

/// <summary>A group as seen by one of its ranks.</summary>
public interface IElasticGroup : IElasticGroupClient
{
    /// <summary>Rank of this process.</summary>
    int Rank { get; }

    /// <summary>
    /// Runs one step together with all ranks, when there is one to run; waits, at no cost, while the group is idle or this rank
    /// has not been admitted. The delegate must run every MoE layer of every lane, with zero tokens if it has none; it may be
    /// called again with a higher <see cref="ElasticStep.Attempt"/> and must then bring the same batch and have the same effect.
    /// When the call returns true every rank has completed the step, and results may be released.
    /// </summary>
    /// <param name="step">The app's forward pass.</param>
    /// <param name="cancellationToken">Observed between steps only: ends the wait for a step, never a step.</param>
    /// <returns>False when this rank has left the group or the group has ended.</returns>
    /// <exception cref="StepFailedException">The delegate threw.</exception>
    /// <exception cref="ElasticEpException"><see cref="ElasticEpErrorCode.InvalidState"/> when another call is under way.</exception>
    /// <exception cref="OperationCanceledException">Cancelled between two steps; this rank is still a member.</exception>
    /// <exception cref="ObjectDisposedException">The group was disposed.</exception>
    ValueTask<bool> RunStepAsync(Func<ElasticStep, CancellationToken, ValueTask> step, CancellationToken cancellationToken = default);

    /// <summary>
    /// Says that there is work: at least one step begins after this call. Cheap; call it from the step delegate too while
    /// requests remain.
    /// </summary>
    void NotifyWork();

    /// <summary>What this rank has done since it started. Copies <c>2 × layers × experts</c> counts: meant for a report a second, not for a step.</summary>
    RankStatistics GetStatistics();
}
