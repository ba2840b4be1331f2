using ElasticEp.Placement;
using ElasticEp.Protocol;

namespace ElasticEp.Benchmarks.Preparing;

/// <summary>A growth of a large group: the view in use, and the plan's only stage.</summary>
internal sealed class PrepareCase
{
    private const string Operation = "scale-7f3a";

    private readonly bool _isPassive;

    /// <param name="layers">MoE layers.</param>
    /// <param name="experts">Logical experts of each.</param>
    /// <param name="redundant">Copies more, of each layer.</param>
    /// <param name="ranks">Before.</param>
    /// <param name="more">Ranks that join.</param>
    /// <param name="isPassive">Whether of each expert all copies but the first are passive.</param>
    public PrepareCase(int layers, int experts, int redundant, int ranks, int more, bool isPassive = false)
    {
        _isPassive = isPassive;
        Name = $"{ranks}→{ranks + more} ranks, {layers} layers of {experts} + {redundant}{(isPassive ? " passive" : "")}";
        var slots = ((experts + redundant + ranks - 1) / ranks) + 1;
        var born = Plan(ExpertPlacement.Empty, ranks);
        Base = new GroupView(1, 1, 0, MembersOf(ranks), WithPassive(born.Placement));
        Members = MembersOf(ranks + more);
        Stage = Plan(Base.Placement, ranks + more).Stages[^1];

        PlacementPlan Plan(ExpertPlacement current, int count) => PlacementPlanner.Plan(new MinimalMove(), new PlacementRequest
        {
            Layers = layers,
            Experts = experts,
            Ranks = [.. Enumerable.Range(0, count).Select(rank => new RankCapacity(rank, slots, 1))],
            Current = current,
            RedundantExperts = redundant,
            MovementBudget = 0,
        });
    }

    public string Name { get; }

    public GroupView Base { get; }

    /// <summary>Of the next view.</summary>
    public GroupMember[] Members { get; }

    public PlacementStage Stage { get; }

    /// <summary>The stage as the planner has just made it: nothing of it is encoded yet.</summary>
    public (ExpertPlacement Placement, IReadOnlyList<ExpertTransfer> Transfers) Fresh()
    {
        var placement = Stage.Placement;
        var ranks = placement.Ranks.ToArray();
        var slots = new int[placement.Layers][][];
        for (var layer = 0; layer < slots.Length; layer++)
            slots[layer] = Array.ConvertAll(ranks, rank => placement.GetSlots(layer, rank).ToArray());
        return (WithPassive(new ExpertPlacement(placement.Experts, ranks, slots)), Stage.Transfers);
    }

    public GroupView NextOf(ExpertPlacement placement) => new(2, 0, 0, Members, placement);

    public PrepareMessage Prepare(GroupMember to, GroupView next, PlacementStage stage) =>
        new(Operation, 0, Base.Contains(to.Id) ? BaseView.NameOf(Base) : BaseView.Of(Base), next, stage.TransfersTo(to.Rank), TimeSpan.Zero);

    private ExpertPlacement WithPassive(ExpertPlacement placement)
    {
        if (!_isPassive)
            return placement;
        var copies = new List<(int Layer, ExpertReplica Copy)>();
        for (var layer = 0; layer < placement.Layers; layer++)
        {
            for (var expert = 0; expert < placement.Experts; expert++)
            {
                foreach (var copy in placement.GetReplicas(layer, expert)[1..])
                    copies.Add((layer, copy));
            }
        }

        return placement.WithPassive(copies);
    }

    private static GroupMember[] MembersOf(int ranks) => [.. Enumerable.Range(0, ranks).Select(rank => new GroupMember(rank, 1_764_000_000_000_000 + rank, $"10.0.{rank / 256}.{rank % 256}:5000;unix=4f1c/elasticep-{rank}", $"node-{rank / 8}"))];
}
