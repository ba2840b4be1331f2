namespace ElasticEp.Placement;

/// <summary>
/// Spends a number of transfers over the layers where they gain the most balancedness. Along each layer's path only the points of its upper
/// concave hull are considered, so that gains per transfer fall along it and taking the best ratio first is optimal up to the last one.
/// </summary>
internal sealed class BudgetSplit
{
    private readonly List<PathPoint[]> _hulls = [];
    private readonly List<PathPoint[]> _paths = [];

    /// <summary>Adds the next layer: where it stands without any transfer for balance, and after each step.</summary>
    public void Add(IReadOnlyList<PathPoint> path)
    {
        var hull = new List<PathPoint> { path[0] };
        foreach (var point in path.Skip(1))
        {
            if (Balance(point) <= Balance(hull[^1]))
                continue;
            while (hull.Count > 1 && (point.Cost <= hull[^1].Cost || Ratio(hull[^1], point) >= Ratio(hull[^2], hull[^1])))
                hull.RemoveAt(hull.Count - 1);
            hull.Add(point);
        }

        _hulls.Add([.. hull]);
        _paths.Add([.. path]);
    }

    /// <summary>The steps that each layer may take, what is left, and whether that is so because no layer wants more.</summary>
    public (int[] Steps, long Left, bool Suffices) Spend(long budget)
    {
        var steps = new int[_hulls.Count];
        var segments = new List<(double Ratio, int Layer, int Segment)>();
        for (var layer = 0; layer < _hulls.Count; layer++)
        {
            for (var segment = 1; segment < _hulls[layer].Length; segment++)
                segments.Add((Ratio(_hulls[layer][segment - 1], _hulls[layer][segment]), layer, segment));
        }

        segments.Sort((a, b) => (-a.Ratio, a.Layer, a.Segment).CompareTo((-b.Ratio, b.Layer, b.Segment)));
        foreach (var (_, layer, segment) in segments)
        {
            var (from, to) = (_hulls[layer][segment - 1], _hulls[layer][segment]);
            if (to.Cost - from.Cost > budget)
            {
                steps[layer] = Part(layer, from, budget).Steps;
                return (steps, 0, false); // Going on with cheaper ones would make a larger budget gain less.
            }

            steps[layer] = to.Steps;
            budget -= to.Cost - from.Cost;
        }

        return (steps, budget, true);
    }

    /// <summary>The layers whose change can be paid for, those that gain most for each transfer first.</summary>
    /// <param name="changes">A layer, where it stands, and where it would.</param>
    /// <param name="budget">Transfers.</param>
    public static IEnumerable<int> Afford(IEnumerable<(int Layer, PathPoint From, PathPoint To)> changes, long budget)
    {
        foreach (var (layer, from, to) in changes.Where(change => Balance(change.To) > Balance(change.From)).OrderBy(change => (-Ratio(change.From, change.To), change.Layer)))
        {
            budget -= to.Cost - from.Cost;
            if (budget < 0)
                yield break;
            yield return layer;
        }
    }

    private PathPoint Part(int layer, PathPoint from, long budget)
    {
        var best = from;
        foreach (var point in _paths[layer])
        {
            if (point.Cost - from.Cost <= budget && Balance(point) > Balance(best))
                best = point;
        }

        return best;
    }

    private static double Balance(PathPoint point) => 1 / point.MaxLoad;

    private static double Ratio(PathPoint from, PathPoint to) =>
        to.Cost <= from.Cost ? double.PositiveInfinity : (Balance(to) - Balance(from)) / (to.Cost - from.Cost);
}
