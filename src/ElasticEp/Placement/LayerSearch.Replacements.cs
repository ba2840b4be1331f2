using System.Numerics;

namespace ElasticEp.Placement;

internal sealed partial class LayerSearch
{
    private const int FewRanks = 8; // The lightest ranks are where a further replica can do most good.

    /// <summary>One more copy of an expert of the rank, in place of a replica that others can do without.</summary>
    private void FindReplacement(int from, int ranks)
    {
        var victims = FindVictims(ranks);
        for (var i = 0; i < state.Count[from]; i++)
        {
            var expert = state.On(from)[i];
            var relief = _ours[i] / (state.Copies[expert] + 1);
            if (state.Copies[expert] >= grid.Ranks || relief <= LeastGain(Math.Min(_maxCost, 1)))
                continue;
            // What the other rank then has is seen at once; who else holds the victim is asked only when that is promising.
            var bound = state.Load[from] - (_ours[i] - relief);
            var loads = _loadWithout.AsSpan(0, victims.Length);
            for (var j = 0; j < loads.Length; j++)
            {
                if (loads[j] < bound - LeastGain(Math.Min(_maxCost, 1)))
                    TryReplacement(from, expert, relief, Math.Min(relief, bound - loads[j]), victims[j] / grid.Width, victims[j] % grid.Width);
            }
        }
    }

    /// <summary>Places on the least loaded ranks, as rank × width + position, whose expert has copies to spare.</summary>
    private ReadOnlySpan<int> FindVictims(int ranks)
    {
        var count = 0;
        for (var i = 0; i < Math.Min(ranks, _order.Length - 1); i++)
        {
            var rank = _order[i];
            var on = state.On(rank);
            for (var position = 0; position < on.Length; position++)
            {
                if (state.Copies[on[position]] <= grid.Depth || !_nodes.AllowsRemoval(rank, on[position]))
                    continue;
                _victims[count] = (rank * grid.Width) + position;
                _loadWithout[count++] = state.Load[rank] - state.Share[on[position]];
            }
        }

        return _victims.AsSpan(0, count);
    }

    private void TryReplacement(int from, int expert, double relief, double gain, int to, int position)
    {
        var victim = state.On(to)[position];
        var cost = state.CostOf(to, expert) - state.CostOf(to, victim);
        if (victim == expert || cost > _maxCost || gain <= LeastGain(cost) || state.Holds(to, expert) || !_nodes.Welcomes(to, expert))
            return;
        var load = state.Load[from];
        gain = Math.Min(gain, load - MostWithout(to, victim, from, expert, relief));
        if (gain > LeastGain(cost))
            Found(new Step(Score(gain, load, cost), load - gain <= _target, -1, to, position, expert));
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
}
