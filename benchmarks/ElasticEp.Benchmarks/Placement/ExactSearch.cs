namespace ElasticEp.Benchmarks.Placement;

/// <summary>Finds the lowest highest load of one layer by trying everything that can still better the best known.</summary>
internal sealed class ExactSearch(float[] load, int ranks, int slotsPerRank)
{
    private readonly int[] _copies = new int[load.Length];
    private readonly double[] _loads = new double[ranks];
    private readonly int[] _free = new int[ranks];
    private readonly bool[,] _holds = new bool[ranks, load.Length];
    private int[] _pieces = []; // expert of each copy, hottest copy first
    private double _best;

    public double LeastMaxLoad()
    {
        _best = double.PositiveInfinity;
        Count(0, (ranks * slotsPerRank) - load.Length);
        return _best;
    }

    /// <summary>Every way to share the extra copies out.</summary>
    private void Count(int expert, int extra)
    {
        if (expert == load.Length - 1)
        {
            if (extra >= ranks)
                return;
            _copies[expert] = 1 + extra;
            _pieces = [.. Enumerable.Range(0, load.Length).OrderByDescending(Share).SelectMany(piece => Enumerable.Repeat(piece, _copies[piece]))];
            Array.Fill(_free, slotsPerRank);
            Put(0, 0);
            return;
        }

        for (var more = 0; more <= Math.Min(extra, ranks - 1); more++)
        {
            _copies[expert] = 1 + more;
            Count(expert + 1, extra - more);
        }
    }

    /// <summary>The copies from the given one on, from the given rank on when the one before was of the same expert.</summary>
    private void Put(int index, int firstRank)
    {
        if (index == _pieces.Length)
        {
            _best = Math.Min(_best, _loads.Max());
            return;
        }

        var expert = _pieces[index];
        var hasTriedEmpty = false;
        for (var rank = firstRank; rank < ranks; rank++)
        {
            var isEmpty = _free[rank] == slotsPerRank;
            if (_free[rank] == 0 || _holds[rank, expert] || _loads[rank] + Share(expert) >= _best || (isEmpty && hasTriedEmpty && firstRank == 0))
                continue;
            hasTriedEmpty |= isEmpty;
            Place(rank, expert, 1);
            Put(index + 1, index + 1 < _pieces.Length && _pieces[index + 1] == expert ? rank + 1 : 0);
            Place(rank, expert, -1);
        }
    }

    private void Place(int rank, int expert, int sign)
    {
        _holds[rank, expert] = sign > 0;
        _free[rank] -= sign;
        _loads[rank] += sign * Share(expert);
    }

    private double Share(int expert) => load[expert] / (double)_copies[expert];
}
