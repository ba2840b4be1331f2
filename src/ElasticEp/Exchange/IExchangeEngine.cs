namespace ElasticEp.Exchange;

/// <summary>
/// What happens to the rows of one rank: where they lie, and how they are packed, grouped, returned and summed. Who has sent what, and how long
/// that may take, is the protocol's: <see cref="RankExchange"/>.
/// </summary>
internal interface IExchangeEngine : IDisposable
{
    /// <summary>Where the rows lie that the app gives and gets.</summary>
    MemoryKind Memory { get; }

    /// <summary>Whether rows travel in frames. Otherwise engines write into each other's memory, and lanes wait for work of their own alone.</summary>
    bool UsesFrames { get; }

    /// <summary>Bytes of what engines tell each other in <see cref="ConnectAsync"/>; 0 = nothing.</summary>
    int NoticeBytes { get; }

    /// <summary>Lanes, by number.</summary>
    IReadOnlyList<IExchangeEngineLane> Lanes { get; }

    /// <summary>
    /// Allocates and registers what the next view needs, and every view of members of both views, which a recovery may bring. What neither of
    /// them needs, nor the view in use, is freed. Steps go on meanwhile; one call at a time. When it fails nothing has changed.
    /// </summary>
    /// <param name="base">The view that the next one follows. It is Completed: no view before it will be used again.</param>
    /// <param name="next">The next view.</param>
    /// <exception cref="InsufficientMemoryException">There is not enough memory; the message says for what, and how much was needed.</exception>
    void Prepare(GroupView @base, GroupView next);

    /// <summary>
    /// After <see cref="Prepare"/>: agrees with the engines of both views' members, all of which do the same, on how rows get from one to the
    /// other. When it fails nothing has changed for steps.
    /// </summary>
    /// <param name="base">The view that the next one follows.</param>
    /// <param name="next">The next view.</param>
    /// <param name="cancellationToken">Cancelled when the operation is given up.</param>
    /// <exception cref="ElasticEpException">A member did not answer in time, or is out of reach; the message says why.</exception>
    Task ConnectAsync(GroupView @base, GroupView next, CancellationToken cancellationToken);

    /// <summary>What another engine tells this one, at any time; on the thread of a transport.</summary>
    /// <exception cref="ElasticEpException">It is not understood.</exception>
    void OnNotice(MemberId source, ReadOnlySpan<byte> notice);

    /// <summary>Whether a view can be entered: it was prepared, or is one of members of both views that were.</summary>
    bool IsPrepared(GroupView view);

    /// <summary>Uses a view that <see cref="IsPrepared"/>. Between steps, under the protocol's lock; takes no time. What it throws ends the rank, and the others go on without it.</summary>
    void Enter(GroupView view);

    /// <summary>An attempt begins. Under the protocol's lock; takes no time. What it throws ends the rank, and the others go on without it.</summary>
    /// <param name="epoch">Epoch of the view in use; every attempt that follows one that failed has another.</param>
    /// <param name="step">The step.</param>
    void BeginAttempt(long epoch, long step);

    /// <summary>The attempt is over, and nothing of it is under way. Under the protocol's lock; perhaps more than once.</summary>
    void EndAttempt();
}
