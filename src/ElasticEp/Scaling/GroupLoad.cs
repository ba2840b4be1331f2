using ElasticEp.Events;

namespace ElasticEp.Scaling;

/// <summary>
/// How much work each expert gets from the whole group, as far as it was reported to the coordinator: (token, expert) pairs of all ranks, which lose
/// half their weight with every window of steps. Pure. A coordinator begins with nothing.
/// </summary>
/// <param name="layers">MoE layers.</param>
/// <param name="experts">Logical experts of each layer.</param>
/// <param name="window">Steps in which what was reported before loses half its weight.</param>
internal sealed class GroupLoad(int layers, int experts, int window)
{
    private double[] _pairs = []; // [layer, expert]; allocated with the first report, because most ranks never coordinate
    private long _step;

    /// <summary>Adds what one rank dispatched.</summary>
    /// <param name="step">The last step that is counted; a report of an earlier step than others is taken as one of theirs.</param>
    /// <param name="pairs">Pairs as <c>[layers × experts]</c>.</param>
    public void Add(long step, ReadOnlySpan<long> pairs)
    {
        if (_pairs.Length == 0)
            _pairs = new double[layers * experts];
        if (step > _step)
        {
            var weight = Math.Pow(0.5, (double)(step - _step) / window);
            for (var i = 0; i < _pairs.Length; i++)
                _pairs[i] *= weight;
            _step = step;
        }

        for (var i = 0; i < _pairs.Length; i++)
            _pairs[i] += pairs[i];
    }

    /// <summary>Forgets everything.</summary>
    public void Clear() => (_pairs, _step) = ([], 0);

    /// <summary>The load as <c>[layers × experts]</c>; empty when none is known.</summary>
    public ReadOnlyMemory<float> Read() => Array.TrueForAll(_pairs, pairs => pairs == 0) ? default : Array.ConvertAll(_pairs, pairs => (float)pairs);

    /// <summary>How evenly it falls on the ranks of a placement when active replicas share equally; null when no load is known.</summary>
    public LoadBalance? Balance(ExpertPlacement placement)
    {
        var (sum, least, counted) = (0.0, 1.0, 0);
        var ranks = new double[placement.Ranks.Length];
        for (var layer = 0; layer < layers && _pairs.Length > 0; layer++)
        {
            Array.Clear(ranks);
            for (var expert = 0; expert < experts; expert++)
            {
                var replicas = placement.GetActiveReplicas(layer, expert);
                foreach (var replica in replicas)
                    ranks[placement.Ranks.BinarySearch(replica.Rank)] += _pairs[(layer * experts) + expert] / replicas.Length;
            }

            var most = ranks.Max();
            if (most == 0)
                continue;
            var balancedness = ranks.Average() / most;
            (sum, least, counted) = (sum + balancedness, Math.Min(least, balancedness), counted + 1);
        }

        return counted == 0 ? null : new LoadBalance(Math.Max(least, sum / counted), least); // equal layers, less a rounding error
    }
}
