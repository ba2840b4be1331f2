using System.Numerics;

namespace ElasticEp.Placement;

/// <summary>
/// Improves one layer step by step. The most loaded rank exchanges an expert with a less loaded one (up to two transfers), or a replica
/// elsewhere becomes one more of its experts (one transfer); when nothing else helps, two experts are exchanged for two. A step that brings the rank to the target at once is taken before one that
/// does not; among those, the one that gains most per transfer.
/// </summary>
internal sealed partial class LayerSearch(PlacementGrid grid, LayerState state, MinimalMoveStages stages)
{
    private const double Beyond = 0.25;        // of what a step gains beyond the target
    private const int Impossible = 100;        // more than any step may cost
    private const double SmallestGain = 2e-4;  // of the mean load; less is not worth a transfer
    private readonly int[] _order = new int[grid.Ranks]; // ranks, least loaded first
    private readonly double[] _ours = new double[grid.Width];
    private readonly double[] _theirs = new double[grid.Width + Vector<double>.Count]; // of theirs; what lies beyond is compared in vain
    private readonly int[] _ourCost = new int[grid.Width];
    private readonly int[] _theirCost = new int[grid.Width];
    private readonly int[] _ourCredit = new int[grid.Width]; // transfers that are saved when ours goes
    private readonly int[] _victims = new int[grid.Ranks * grid.Width];
    private readonly double[] _loadWithout = new double[grid.Ranks * grid.Width];
    private readonly double[] _leastGain = new double[5]; // by cost
    private readonly NodeSpread _nodes = new(grid, state);
    private readonly double _beyond = (stages & MinimalMoveStages.RoomForDrift) != 0 ? Beyond : 0;
    private double _target;
    private int _maxCost;
    private bool _mayReplace;
    private Step _best;

    /// <summary>Takes steps until no rank has more than the target load.</summary>
    /// <param name="target">Load that no rank should exceed.</param>
    /// <param name="maxCost">Most transfers that a step may add: 0 or 2.</param>
    /// <param name="maxSteps">Most steps.</param>
    /// <param name="path">Gets the transfers and the highest load after each step; null when nobody asks.</param>
    public void Run(double target, int maxCost, int maxSteps, List<PathPoint>? path = null)
    {
        (_target, _maxCost) = (target, maxCost);
        _mayReplace = grid.Total > grid.Experts && _nodes.Lacking() == 0; // Other numbers of copies might be spread worse than they could be.
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
        Found(default);
        var on = state.On(rank);
        for (var i = 0; i < on.Length; i++)
        {
            _ours[i] = state.Share[on[i]];
            _ourCredit[i] = state.CostOf(rank, on[i]);
        }

        var next = 0;
        while (next < _order.Length - 1 && !(_best.ReachesTarget && Has(MinimalMoveStages.FirstThatSuffices)) && FindSwap(rank, _order[next]))
            next++;
        if (_mayReplace && Has(MinimalMoveStages.Replacements))
            FindReplacement(rank, FewRanks);
        if (_mayReplace && _best.Score <= 0 && Has(MinimalMoveStages.AnyReplacement))
            FindReplacement(rank, grid.Ranks);
        for (var i = 0; i < next && _maxCost > 0 && _best.Score <= 0 && Has(MinimalMoveStages.DoubleSwaps); i++)
            FindDoubleSwap(rank, _order[i]);
        if (_best.Score <= 0)
            return false;
        if (_best.Expert >= 0)
            state.Replace(_best.To, _best.ToPosition, _best.Expert);
        else
            state.Swap(rank, _best.FromPosition, _best.To, _best.ToPosition);
        if (_best.Second is var (ours, theirs))
            state.Swap(rank, ours, _best.To, theirs);
        return true;
    }

    /// <summary>The pair of experts whose exchange gains most per transfer.</summary>
    /// <returns>False when the ranks are so close that neither this one nor one that is more loaded can better what was found.</returns>
    private bool FindSwap(int from, int to)
    {
        var half = (state.Load[from] - state.Load[to]) / 2;
        var theirs = state.On(to);
        var cheapest = CostTheirs(from, to, theirs) + CostOurs(from, to);
        var enough = LeastGain(Math.Min(cheapest, 2));
        if (half <= enough)
            return false;
        if (cheapest > _maxCost)
            return true;
        var shares = _theirs.AsSpan(0, theirs.Length);
        for (var i = 0; i < state.Count[from]; i++)
        {
            var wanted = _ours[i] - half;
            if (_ourCost[i] == Impossible || !IsAnyNear(wanted, half - enough, theirs.Length))
                continue;
            for (var j = 0; j < shares.Length; j++)
            {
                var gain = half - Math.Abs(shares[j] - wanted);
                if (gain <= enough || _ourCost[i] + _theirCost[j] > _maxCost)
                    continue;
                var score = Score(gain, state.Load[from], _ourCost[i] + _theirCost[j]);
                if (score <= _best.Score || !KeepsSpread(from, to, state.On(from)[i], theirs[j]))
                    continue;
                Found(new Step(score, state.Load[from] - gain <= _target, i, to, j, -1));
                enough = LeastGain(Math.Min(cheapest, 2));
            }
        }

        return true;
    }

    /// <summary>Whether one of their shares is that near to the wanted one. Most are not, and this asks several at once.</summary>
    private bool IsAnyNear(double wanted, double distance, int count)
    {
        var (middle, most) = (new Vector<double>(wanted), new Vector<double>(distance));
        for (var j = 0; j < count; j += Vector<double>.Count)
        {
            if (Vector.LessThanAny(Vector.Abs(new Vector<double>(_theirs, j) - middle), most))
                return true;
        }

        return false;
    }

    private bool KeepsSpread(int from, int to, int ours, int theirs) => _nodes.AllowsMove(from, to, ours) && _nodes.AllowsMove(to, from, theirs);

    /// <summary>Transfers that it adds when each of our experts goes there.</summary>
    private int CostOurs(int from, int to)
    {
        var ours = state.On(from);
        var least = Impossible;
        for (var i = 0; i < ours.Length; i++)
        {
            _ourCost[i] = state.Holds(to, ours[i]) ? Impossible : state.CostOf(to, ours[i]) - _ourCredit[i];
            least = Math.Min(least, _ourCost[i]);
        }

        return least;
    }

    /// <summary>Transfers that it adds when each of their experts comes here.</summary>
    private int CostTheirs(int from, int to, ReadOnlySpan<int> theirs)
    {
        var least = Impossible;
        for (var j = 0; j < theirs.Length; j++)
        {
            _theirs[j] = state.Share[theirs[j]];
            _theirCost[j] = state.Holds(from, theirs[j]) ? Impossible : state.CostOf(from, theirs[j]) - state.CostOf(to, theirs[j]);
            least = Math.Min(least, _theirCost[j]);
        }

        return least;
    }

    private void Found(Step step)
    {
        _best = step;
        for (var cost = 0; cost < _leastGain.Length; cost++)
            _leastGain[cost] = Math.Max(SmallestGain * state.MeanLoad, step.Score / PerTransfer(cost));
    }

    /// <summary>
    /// Gain per transfer; what goes beyond the target counts little, as room for the next drift. Steps that cost nothing come first.
    /// </summary>
    private double Score(double gain, double load, int cost)
    {
        var useful = Math.Min(gain, load - _target);
        return (useful + (_beyond * (gain - useful))) * PerTransfer(cost);
    }

    /// <summary>A step of this cost must gain more to be better than the best that was found, and to be worth it at all.</summary>
    private double LeastGain(int cost) => _leastGain[Math.Max(0, cost)];

    private bool Has(MinimalMoveStages stage) => (stages & stage) != 0;

    private static double PerTransfer(int cost) => cost <= 0 ? 4 : 1.0 / cost;

    private readonly record struct Step(double Score, bool ReachesTarget, int FromPosition, int To, int ToPosition, int Expert, (int Ours, int Theirs)? Second = null);
}
