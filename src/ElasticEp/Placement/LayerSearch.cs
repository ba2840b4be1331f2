using System.Numerics;

namespace ElasticEp.Placement;

/// <summary>
/// Improves one layer step by step. The most loaded rank exchanges an expert with a less loaded one (up to two transfers), or a replica
/// elsewhere becomes one more of its experts (one transfer). A step that brings the rank to the target at once is taken before one that
/// does not; among those, the one that gains most per transfer.
/// </summary>
internal sealed class LayerSearch(PlacementGrid grid, LayerState state)
{
    private const int ReplacementRanks = 8;    // The lightest ranks are where a further replica can do most good.
    private const double SmallestGain = 2e-4;  // of the mean load; less is not worth a transfer
    private readonly int[] _order = new int[grid.Ranks]; // ranks, least loaded first
    private readonly NodeSpread _nodes = new(grid, state);
    private double _target;
    private int _maxCost;
    private Step _best;

    /// <summary>Takes steps until no rank has more than the target load.</summary>
    /// <param name="target">Load that no rank should exceed.</param>
    /// <param name="maxCost">Most transfers that a step may add: 0 or 2.</param>
    /// <param name="maxSteps">Most steps.</param>
    /// <param name="path">Gets the transfers and the highest load after each step; null when nobody asks.</param>
    public void Run(double target, int maxCost, int maxSteps, List<PathPoint>? path = null)
    {
        (_target, _maxCost) = (target, maxCost);
        for (var rank = 0; rank < _order.Length; rank++)
            _order[rank] = rank;
        for (var step = 0; step < maxSteps; step++)
        {
            SortRanks();
            if (state.Load[_order[^1]] <= target || !TakeStep(_order[^1]))
                return;
            path?.Add(new PathPoint(step + 1, state.Cost, state.MaxLoad));
        }
    }

    /// <summary>By insertion: a step moves few ranks.</summary>
    private void SortRanks()
    {
        for (var i = 1; i < _order.Length; i++)
        {
            var rank = _order[i];
            var j = i - 1;
            for (; j >= 0 && state.Load[_order[j]] > state.Load[rank]; j--)
                _order[j + 1] = _order[j];
            _order[j + 1] = rank;
        }
    }

    private bool TakeStep(int rank)
    {
        _best = default;
        if (grid.Total > grid.Experts)
            FindReplacement(rank);
        for (var i = 0; i < _order.Length - 1 && !_best.ReachesTarget; i++)
            FindSwap(rank, _order[i]);
        if (_best.Score <= 0)
            return false;
        if (_best.Expert >= 0)
            state.Replace(_best.To, _best.ToPosition, _best.Expert);
        else
            state.Swap(rank, _best.FromPosition, _best.To, _best.ToPosition);
        return true;
    }

    /// <summary>The pair of experts that comes closest to evening out both ranks.</summary>
    private void FindSwap(int from, int to)
    {
        var half = (state.Load[from] - state.Load[to]) / 2;
        if (half <= SmallestGain * state.MeanLoad)
            return;
        var ours = state.On(from);
        var theirs = state.On(to);
        var middle = state.Load[from] - half;
        for (var i = 0; i < ours.Length; i++)
        {
            var wanted = state.Share[ours[i]] - half;
            for (var j = 0; j < theirs.Length; j++)
            {
                var off = Math.Abs(state.Share[theirs[j]] - wanted);
                var gain = half - off;
                if (gain <= 0)
                    continue;
                var score = Score(gain, state.Load[from], _maxCost == 0 ? 0 : 1);
                if (score <= _best.Score || !CanSwap(from, to, ours[i], theirs[j]))
                    continue;
                var cost = SwapCost(from, to, ours[i], theirs[j]);
                score = Score(gain, state.Load[from], cost);
                if (cost <= _maxCost && score > _best.Score)
                    _best = new Step(score, middle + off <= _target, i, to, j, -1);
            }
        }
    }

    private bool CanSwap(int from, int to, int ours, int theirs) =>
        !state.Holds(to, ours) && !state.Holds(from, theirs) && _nodes.AllowsMove(from, to, ours) && _nodes.AllowsMove(to, from, theirs);

    private int SwapCost(int from, int to, int ours, int theirs) =>
        state.CostOf(to, ours) + state.CostOf(from, theirs) - state.CostOf(from, ours) - state.CostOf(to, theirs);

    /// <summary>One more copy of an expert of the rank, in place of a replica that others can do without.</summary>
    private void FindReplacement(int from)
    {
        var excess = state.Load[from] - _target;
        foreach (var expert in state.On(from))
        {
            var copies = state.Copies[expert];
            var relief = state.Share[expert] / (copies + 1);
            if (copies >= grid.Ranks || relief < excess / 4)
                continue;
            for (var i = 0; i < Math.Min(ReplacementRanks, _order.Length - 1); i++)
            {
                if (!state.Holds(_order[i], expert) && _nodes.Welcomes(_order[i], expert))
                    FindReplacement(from, expert, _order[i], relief);
            }
        }
    }

    private void FindReplacement(int from, int expert, int to, double relief)
    {
        var on = state.On(to);
        for (var position = 0; position < on.Length; position++)
        {
            var victim = on[position];
            if (victim == expert || state.Copies[victim] <= grid.Depth || !_nodes.AllowsRemoval(to, victim))
                continue;
            var most = Math.Max(state.Load[from] - relief, state.Load[to] + state.Share[expert] - relief - state.Share[victim]);
            most = Math.Max(most, MostWithout(to, victim, from, expert, relief));
            var cost = state.CostOf(to, expert) - state.CostOf(to, victim);
            var score = Score(state.Load[from] - most, state.Load[from], cost);
            if (cost <= _maxCost && score > _best.Score)
                _best = new Step(score, most <= _target, -1, to, position, expert);
        }
    }

    /// <summary>The highest load among the other ranks that hold the victim, which must do with one copy less.</summary>
    private double MostWithout(int rank, int victim, int from, int expert, double relief)
    {
        var more = state.Share[victim] / (state.Copies[victim] - 1);
        var most = 0.0;
        var set = state.Holders(victim);
        for (var word = 0; word < set.Length; word++)
        {
            for (var rest = set[word]; rest != 0; rest &= rest - 1)
            {
                var holder = (word << 6) + BitOperations.TrailingZeroCount(rest);
                if (holder == rank)
                    continue;
                var less = holder == from || state.Holds(holder, expert) ? relief : 0;
                most = Math.Max(most, state.Load[holder] + more - less);
            }
        }

        return most;
    }

    /// <summary>Gain per transfer; what goes beyond the target does not count. Steps that cost nothing come first.</summary>
    private double Score(double gain, double load, int cost)
    {
        if (gain <= SmallestGain * state.MeanLoad)
            return 0;
        return Math.Min(gain, load - _target) / (cost <= 0 ? 0.25 : cost);
    }

    private readonly record struct Step(double Score, bool ReachesTarget, int FromPosition, int To, int ToPosition, int Expert);
}
