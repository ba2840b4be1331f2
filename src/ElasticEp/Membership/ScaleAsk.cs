using System.Collections.Immutable;

namespace ElasticEp.Membership;

/// <summary>A scaling request on its way to the coordinator.</summary>
internal sealed record ScaleAsk(string Operation, OperationKind Kind)
{
    public int? Size { get; init; }

    public ImmutableArray<int>? Ranks { get; init; }

    public ImmutableArray<int>? Remove { get; init; }

    public TimeSpan? Deadline { get; init; }

    public TimeSpan? DrainTime { get; init; }
}
