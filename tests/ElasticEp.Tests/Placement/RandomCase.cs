using CsCheck;
using ElasticEp.Placement;

namespace ElasticEp.Tests.Placement;

/// <summary>A random history of a group: what is asked of a policy, time after time. CsCheck prints the seed of a failure.</summary>
/// <param name="Layers">Layers.</param>
/// <param name="Experts">Experts of each layer.</param>
/// <param name="Turns">The requests, without the placement in use.</param>
internal sealed record RandomCase(int Layers, int Experts, RandomCase.Turn[] Turns)
{
    private const int MaxRanks = 12;

    private static readonly Gen<float[]> Loads = Gen.Frequency(
        (2, Gen.Const(Array.Empty<float>())),
        (1, Gen.Const(0f).Array[80]),
        (4, Gen.Float[0, 100].Array[80]),
        (2, Gen.Frequency((6, Gen.Const(0f)), (3, Gen.Float[0, 1]), (1, Gen.Float[1e5f, 1e6f])).Array[80])); // huge skew

    private static readonly Gen<Turn> OneTurn = Gen.Select(
        Gen.Shuffle(Enumerable.Range(0, MaxRanks).ToArray(), 1, MaxRanks).Select(ranks => ranks.Order().ToArray()),
        Gen.Int[0, 3].Array[MaxRanks],
        Gen.Select(Gen.Int[0, 3], Gen.Int[0, 2], Gen.Int[0, 2], Gen.Int[0, 8]),
        Loads,
        Gen.Frequency((2, Gen.Const((long?)null)), (1, Gen.Const((long?)0)), (1, Gen.Long[1, 12].Select(budget => (long?)budget))),
        Gen.Int[0, 3],
        (ranks, extra, numbers, load, budget, dead) => new Turn(ranks, extra, numbers.Item1, numbers.Item2, numbers.Item3, numbers.Item4, load, budget, dead));

    /// <summary>Small groups, mostly with uneven slots.</summary>
    public static Gen<RandomCase> All { get; } = Gen.Select(
        Gen.Int[1, 2], Gen.Frequency((1, Gen.Const(1)), (9, Gen.Int[1, 40])), OneTurn.Array[2, 5], (layers, experts, turns) => new RandomCase(layers, experts, turns));

    /// <summary>The requests in turn; each begins where the answer to the one before has led.</summary>
    /// <param name="answer">Gives the placement that the request leads to.</param>
    public void Play(Func<PlacementRequest, ExpertPlacement> answer)
    {
        var current = ExpertPlacement.Empty;
        foreach (var turn in Turns)
        {
            if (turn.Dead > 0 && current.Ranks.Length > turn.Dead)
                current = Without(current, current.Ranks[turn.Dead - 1]);
            current = answer(turn.Ask(this, current));
        }
    }

    private static ExpertPlacement Without(ExpertPlacement placement, int dead)
    {
        var ranks = placement.Ranks.ToArray().Where(rank => rank != dead).ToArray();
        return new ExpertPlacement(
            placement.Experts, ranks, [.. Enumerable.Range(0, placement.Layers).Select(layer => ranks.Select(rank => placement.GetSlots(layer, rank).ToArray()).ToArray())]);
    }

    /// <param name="Ranks">The ranks asked for.</param>
    /// <param name="Extra">Slots of each rank beyond an even share; a rank may so have fewer than it holds.</param>
    /// <param name="Nodes">Number of nodes, 0 for unknown.</param>
    /// <param name="Spares">Spare buffers.</param>
    /// <param name="Losses">Losses to tolerate.</param>
    /// <param name="Redundant">Redundant experts.</param>
    /// <param name="Load">Load, empty when unknown.</param>
    /// <param name="Budget">Budget in experts.</param>
    /// <param name="Dead">Which of the ranks in use has died, from 1; 0 for none.</param>
    internal sealed record Turn(int[] Ranks, int[] Extra, int Nodes, int Spares, int Losses, int Redundant, float[] Load, long? Budget, int Dead)
    {
        public PlacementRequest Ask(RandomCase history, ExpertPlacement current)
        {
            var share = (history.Experts + Ranks.Length - 1) / Ranks.Length;
            return new PlacementRequest
            {
                Layers = history.Layers,
                Experts = history.Experts,
                Ranks = [.. Ranks.Select(rank => new RankCapacity(rank, share + Extra[rank], Spares, Nodes == 0 ? null : $"node-{rank % Nodes}"))],
                Current = current,
                RedundantExperts = Redundant,
                Load = Load.Length == 0 ? default : Load.AsMemory(0, history.Layers * history.Experts),
                ToleratedLosses = Losses,
                MovementBudget = Budget,
            };
        }
    }
}
