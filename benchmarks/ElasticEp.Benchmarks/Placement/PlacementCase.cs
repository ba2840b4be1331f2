using ElasticEp.Placement;

namespace ElasticEp.Benchmarks.Placement;

/// <summary>A shape, and the questions asked of it.</summary>
/// <param name="Name">Name for the table.</param>
/// <param name="Layers">MoE layers.</param>
/// <param name="Experts">Experts of each layer.</param>
/// <param name="Ranks">Ranks, from 0 on.</param>
/// <param name="SlotsPerRank">Slots of each rank; all are used.</param>
internal sealed record PlacementCase(string Name, int Layers, int Experts, int Ranks, int SlotsPerRank)
{
    /// <summary>FP8 bytes of a DeepSeek-V3 expert: three matrices of 7168 × 2048.</summary>
    public const long ExpertBytes = 3L * 7168 * 2048;

    public int Redundant => (Ranks * SlotsPerRank) - Experts;

    public PlacementRequest Ask(ExpertPlacement current, float[] load, long? budget = null, int losses = 0) => new()
    {
        Layers = Layers,
        Experts = Experts,
        Ranks = [.. Enumerable.Range(0, Ranks).Select(rank => new RankCapacity(rank, SlotsPerRank, 1))],
        Current = current,
        RedundantExperts = Redundant,
        Load = load,
        ExpertBytes = ExpertBytes,
        MovementBudget = budget,
        ToleratedLosses = losses,
    };

    /// <summary>The placement that EPLB gives for a load.</summary>
    public ExpertPlacement Eplb(float[] load) => new DeepSeekEplb().Plan(Ask(ExpertPlacement.Empty, load));
}
