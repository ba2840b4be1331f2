namespace ElasticEp.Exchange;

/// <summary>
/// What happens to the rows of one rank: where they lie, and how they are packed, grouped, returned and summed. Who has sent what, and how long
/// that may take, is the protocol's: <see cref="RankExchange"/>.
/// </summary>
internal interface IExchangeEngine : IDisposable
{
    /// <summary>Where the rows lie that the app gives and gets.</summary>
    MemoryKind Memory { get; }

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

    /// <summary>Whether a view can be entered: it was prepared, or is one of members of both views that were.</summary>
    bool IsPrepared(GroupView view);

    /// <summary>Uses a view that <see cref="IsPrepared"/>. Between steps, under the protocol's lock; it cannot fail and takes no time.</summary>
    void Enter(GroupView view);
}
