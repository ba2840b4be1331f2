using System.Collections.Immutable;
using ElasticEp.Placement;

namespace ElasticEp.Events;

/// <summary>What a rank is to prepare: a Prepare whose base was found, or what a standby fetches by itself.</summary>
/// <param name="Operation">The operation.</param>
/// <param name="PlanView">Index of the view in the operation's plan.</param>
/// <param name="Base">The view in use, whose successor the next one is.</param>
/// <param name="Next">The next view.</param>
/// <param name="Transfers">What this rank is to fetch.</param>
/// <param name="DrainTime">Time that a leaver lets its requests finish.</param>
internal sealed record PreparationPlan(string Operation, int PlanView, GroupView Base, GroupView Next, ImmutableArray<ExpertTransfer> Transfers, TimeSpan DrainTime);
