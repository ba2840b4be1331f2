using System.Collections.Immutable;

namespace ElasticEp.Membership;

/// <summary>The durable part of an operation: enough for a launcher to act on and for a successor to finish it.</summary>
internal sealed record PendingOperation(string Id, OperationKind Kind, ImmutableArray<int> Target, ImmutableArray<int> Joiners, ImmutableArray<int> Leavers)
{
    public bool IsCommitted { get; init; }

    public OperationFigures Figures { get; init; } = new();
}
