using System.Collections.Immutable;
using ElasticEp.Placement;

namespace ElasticEp.Scaling;

/// <summary>The views of an operation's plan, one after another, and with which of them the members change.</summary>
internal sealed class PlanCursor
{
    private readonly PlacementPlan _plan;
    private readonly int _memberIndex;

    /// <param name="plan">The plan; its last view has the target ranks.</param>
    /// <param name="target">Those ranks.</param>
    /// <param name="changesMembers">Whether they differ from the present ones.</param>
    public PlanCursor(PlacementPlan plan, ImmutableArray<int> target, bool changesMembers)
    {
        _plan = plan;
        _memberIndex = plan.Stages.Count - 1;
        while (changesMembers && _memberIndex > 0 && plan.Stages[_memberIndex - 1].Placement.Ranks.SequenceEqual(target.AsSpan()))
            _memberIndex--;
    }

    /// <summary>Which view is being prepared, or was committed last.</summary>
    public int Index { get; private set; }

    public PlacementStage View => _plan.Stages[Index];

    public int Count => _plan.Stages.Count;

    public bool HasMore => Index + 1 < Count;

    /// <summary>Whether this view has the target members. A plan that changes none has them with its last view.</summary>
    public bool HasTargetMembers => Index >= _memberIndex;

    /// <summary>Whether joiners enter and leavers leave with this view.</summary>
    public bool ChangesMembers => Index == _memberIndex;

    public void MoveNext() => Index++;
}
