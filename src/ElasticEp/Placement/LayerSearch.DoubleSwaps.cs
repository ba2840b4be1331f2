namespace ElasticEp.Placement;

internal sealed partial class LayerSearch
{
    private const int WidestDouble = 12; // Ranks with more experts find a single swap that fits.

    /// <summary>Two experts for two, where one for one does not help: up to four transfers.</summary>
    private void FindDoubleSwap(int from, int to)
    {
        var half = (state.Load[from] - state.Load[to]) / 2;
        var theirs = state.On(to);
        CostTheirs(from, to, theirs);
        CostOurs(from, to);
        if (half <= LeastGain(4) || Math.Max(theirs.Length, state.Count[from]) > WidestDouble)
            return;
        for (var i = 1; i < state.Count[from]; i++)
        {
            for (var k = 0; k < i && _ourCost[i] < Impossible; k++)
            {
                if (_ourCost[k] < Impossible)
                    FindDoubleSwap(from, to, half, i, k);
            }
        }
    }

    private void FindDoubleSwap(int from, int to, double half, int i, int k)
    {
        var theirs = state.On(to);
        var wanted = _ours[i] + _ours[k] - half;
        for (var j = 1; j < theirs.Length; j++)
        {
            for (var l = 0; l < j; l++)
            {
                var gain = half - Math.Abs(_theirs[j] + _theirs[l] - wanted);
                var cost = _ourCost[i] + _ourCost[k] + _theirCost[j] + _theirCost[l];
                if (cost > 4 || gain <= LeastGain(cost))
                    continue;
                if (KeepsSpread(from, to, state.On(from)[i], theirs[j]) && KeepsSpread(from, to, state.On(from)[k], theirs[l]))
                    Found(new Step(Score(gain, state.Load[from], cost), state.Load[from] - gain <= _target, i, to, j, -1, (k, l)));
            }
        }
    }
}
