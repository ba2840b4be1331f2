namespace ElasticEp.Placement;

/// <summary>
/// The highest load of a rank that the published greedy packing reaches, without its placement: as many copies of the hottest experts as
/// there are seats, and from the hottest copy to the coldest each to the least loaded rank with a seat.
/// </summary>
internal sealed class GreedyBound(PlacementGrid grid)
{
    private readonly double[] _shares = new double[grid.Experts];
    private readonly int[] _copies = new int[grid.Experts];
    private readonly double[] _pieces = new double[grid.Total];
    private readonly double[] _loads = new double[grid.Ranks]; // of ranks with a free seat
    private readonly int[] _free = new int[grid.Ranks];

    /// <summary>Copies that the last packing gave each expert.</summary>
    public ReadOnlySpan<int> Copies => _copies;

    /// <param name="weight">Load of each expert.</param>
    /// <param name="seats">Copies that each rank holds; together the total.</param>
    public double MaxLoad(ReadOnlySpan<double> weight, ReadOnlySpan<int> seats)
    {
        Split(weight);
        seats.CopyTo(_free);
        for (var rank = 0; rank < _loads.Length; rank++)
            _loads[rank] = seats[rank] > 0 ? 0 : double.PositiveInfinity;
        var most = 0.0;
        for (var piece = _pieces.Length - 1; piece >= 0; piece--)
        {
            var rank = FirstOf.Lowest<double>(_loads);
            var load = _loads[rank] + _pieces[piece];
            most = Math.Max(most, load);
            _loads[rank] = --_free[rank] > 0 ? load : double.PositiveInfinity;
        }

        return most;
    }

    /// <summary>Loads of all copies, in ascending order.</summary>
    private void Split(ReadOnlySpan<double> weight)
    {
        Array.Fill(_copies, 1);
        weight.CopyTo(_shares);
        for (var copy = grid.Experts; copy < grid.Total; copy++)
        {
            var hottest = FirstOf.Highest<double>(_shares);
            _shares[hottest] = ++_copies[hottest] < grid.Ranks ? weight[hottest] / _copies[hottest] : -1;
        }

        var count = 0;
        for (var expert = 0; expert < _copies.Length; expert++)
        {
            var share = weight[expert] / _copies[expert];
            for (var copy = 0; copy < _copies[expert]; copy++)
                _pieces[count++] = share;
        }

        Array.Sort(_pieces);
    }
}
