using ElasticEp.Placement;

namespace ElasticEp.Benchmarks.Placement;

/// <summary>What one policy did in one case.</summary>
/// <param name="Policy">Name for the table.</param>
/// <param name="Balancedness">Of every layer of every plan, on the load it was made from.</param>
/// <param name="Moved">Transfers of all plans.</param>
/// <param name="LowerBound">Fewest transfers of plans with as many copies on each rank.</param>
/// <param name="Slots">Slots of all plans.</param>
/// <param name="Plans">Number of plans.</param>
/// <param name="Milliseconds">Median time of a plan.</param>
internal sealed record PlacementRow(string Policy, double[] Balancedness, int Moved, int LowerBound, int Slots, int Plans, double Milliseconds)
{
    public double Mean => Balancedness.Average();

    public double Min => Balancedness.Min();

    /// <summary>Plans one load after another, each from the placement that the one before left.</summary>
    public static PlacementRow Of(string name, IPlacementPolicy policy, ExpertPlacement start, IEnumerable<float[]> loads, Func<ExpertPlacement, float[], PlacementRequest> ask)
    {
        var balancedness = new List<double>();
        var times = new List<double>();
        var (moved, bound, slots) = (0, 0, 0);
        var current = start;
        foreach (var load in loads)
        {
            var request = ask(current, load);
            var begin = TimeProvider.System.GetTimestamp();
            var next = policy.Plan(request);
            times.Add(TimeProvider.System.GetElapsedTime(begin).TotalMilliseconds);
            balancedness.AddRange(PlacementScore.Balancedness(next, load));
            moved += PlacementScore.Moved(current, next);
            bound += PlacementScore.LowerBound(current, next);
            slots += request.Layers * request.Ranks.Sum(rank => rank.Slots);
            current = next;
        }

        times.Sort();
        return new PlacementRow(name, [.. balancedness], moved, bound, slots, times.Count, times[times.Count / 2]);
    }
}
