using System.Collections.Immutable;
using ElasticEp.Protocol;

namespace ElasticEp.Events;

/// <summary>What the planner is given when an operation is to be planned.</summary>
/// <param name="View">The view in use.</param>
/// <param name="Target">The members after the operation, ascending.</param>
/// <param name="Load">Load of each expert, <c>[layers × experts]</c>; empty when none is known.</param>
internal sealed record PlanInquiry(GroupView View, ImmutableArray<GroupMember> Target, ReadOnlyMemory<float> Load)
{
    /// <summary>What ranks of the target that are no members hold already, as far as they have said so.</summary>
    public ImmutableArray<(int Rank, StandbyState State)> Standbys { get; init; } = [];
}
