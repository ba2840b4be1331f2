namespace ElasticEp;

/// <summary>A group as seen by any process: its view, its size, its messages.</summary>
public interface IElasticGroupClient
{
    /// <summary>Name of the group.</summary>
    string Name { get; }

    /// <summary>The newest view this process knows; <see cref="GroupView.None"/> before the group exists.</summary>
    GroupView View { get; }

    /// <summary>The present view, then its successors; a slow reader may miss intermediate ones, never see an older one.</summary>
    IAsyncEnumerable<GroupView> Views { get; }

    /// <summary>Messages of the app.</summary>
    IGroupMessenger Messenger { get; }

    /// <summary>Changes the members and waits until the operation has ended.</summary>
    /// <param name="request">What is wanted.</param>
    /// <param name="progress">Told how the operation goes on, in order, on a thread of the pool. What it throws is ignored.</param>
    /// <param name="cancellationToken">Asks for rollback; what was decided is returned.</param>
    /// <returns>How it ended: completed, or aborted with the reason.</returns>
    /// <exception cref="ScaleInProgressException">Another operation runs.</exception>
    /// <exception cref="ElasticEpException">
    /// <see cref="ElasticEpErrorCode.InvalidArgument"/> when the request's id is empty, too long or reserved, or a time is out of its bounds.
    /// <see cref="ElasticEpErrorCode.ImpossibleGroup"/> when such a group cannot exist. <see cref="ElasticEpErrorCode.GroupWaits"/> when it
    /// cannot begin, because members are lost without whom the group cannot go on (a client knows it; a rank waits for them). <see cref="ElasticEpErrorCode.DeadlineExceeded"/> when
    /// the deadline has passed and nobody is left who decides; what was asked may then still be done.
    /// </exception>
    Task<ScaleResult> ScaleAsync(ScaleRequest request, IProgress<ScaleProgress>? progress = null, CancellationToken cancellationToken = default);

    /// <summary>Ends the group: all ranks leave, every <see cref="IElasticGroup.RunStepAsync"/> returns false.</summary>
    Task<ScaleResult> StopGroupAsync(CancellationToken cancellationToken = default);
}
