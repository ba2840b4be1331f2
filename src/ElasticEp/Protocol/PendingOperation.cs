using System.Collections.Immutable;

namespace ElasticEp.Protocol;

/// <summary>The durable part of an operation: enough for a launcher to act on and for a successor to finish it.</summary>
internal sealed record PendingOperation(string Id, OperationKind Kind, ImmutableArray<int> Target, ImmutableArray<int> Joiners, ImmutableArray<int> Leavers)
{
    /// <summary>Whether the view with the other members is durable: from then on the operation only goes forward.</summary>
    public bool IsCommitted { get; init; }

    /// <summary>How many views of its plan are durable. Those before the members change are valid by themselves, and a rollback ends in the last of them.</summary>
    public int CommittedViews { get; init; }

    public OperationFigures Figures { get; init; } = new();
}
