using System.Collections.Immutable;

namespace ElasticEp.Protocol;

/// <summary>The durable part of an operation: enough for a launcher to act on and for a successor to finish it.</summary>
/// <param name="Request">What was asked for.</param>
/// <param name="Target">Ranks after it, ascending.</param>
/// <param name="Joiners">Those of them that are not members before.</param>
/// <param name="Leavers">Members before that are not among them.</param>
internal sealed record PendingOperation(OperationRequest Request, ImmutableArray<int> Target, ImmutableArray<int> Joiners, ImmutableArray<int> Leavers)
{
    public string Id => Request.Id;

    public OperationKind Kind => Request.Kind;

    /// <summary>Whether the view with the other members is durable: from then on the operation only goes forward.</summary>
    public bool IsCommitted { get; init; }

    /// <summary>How many views of its plan are durable. Those before the members change are valid by themselves, and a rollback ends in the last of them.</summary>
    public int CommittedViews { get; init; }

    /// <summary>How many views its plan has; zero before one is durable.</summary>
    public int PlannedViews { get; init; }

    public OperationFigures Figures { get; init; } = new();
}
