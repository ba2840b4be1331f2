using System.Collections.Immutable;

namespace ElasticEp.Scaling;

/// <summary>What the planner is told when an operation is to be planned.</summary>
/// <param name="View">The view in use.</param>
/// <param name="Target">The ranks after the operation.</param>
/// <param name="Load">Load of each expert, <c>[layers × experts]</c>; empty when none is known.</param>
internal sealed record PlanInquiry(GroupView View, ImmutableArray<int> Target, ReadOnlyMemory<float> Load);
