namespace ElasticEp.Placement;

/// <summary>
/// The way of one layer from the placement in use to its target. A rank receives only into buffers that it does not use, so each
/// stage brings it as many experts as are free; what it need not hold any more is withdrawn to free further ones.
/// </summary>
internal sealed class LayerRoute
{
    private readonly StageRanks _ranks;
    private readonly int _layer;
    private readonly int[][] _target;  // [rank][slot]
    private readonly bool[][] _wants;  // [rank][expert]
    private readonly LayerStage _stage;
    private int[][] _rows;             // [rank][slot] of the stage in force

    public LayerRoute(StageRanks ranks, ExpertPlacement current, ExpertPlacement target, int layer)
    {
        (_ranks, _layer) = (ranks, layer);
        _rows = [.. ranks.Ranks.Select(rank => current.Layers == 0 ? [] : current.GetSlots(layer, rank).ToArray())];
        _target = [.. ranks.Ranks.Select(rank => target.GetSlots(layer, rank).ToArray())];
        _wants = [.. _target.Select(row => Set(row, target.Experts))];
        _stage = new LayerStage(ranks, _wants, [.. _rows.Select(row => Set(row, target.Experts))]);
    }

    /// <summary>Stages on the ranks of before.</summary>
    public List<int[][]> Before { get; } = [];

    /// <summary>Stages on the ranks of the request, before the target itself.</summary>
    public List<int[][]> After { get; } = [];

    /// <summary>Finds all stages before the target.</summary>
    /// <exception cref="ElasticEpException"><see cref="ElasticEpErrorCode.ImpossibleGroup"/> when there is no way.</exception>
    public void Find()
    {
        while (_stage.FindShort() is var rank and >= 0)
        {
            var (pending, free) = (_stage.Pending(rank), _stage.Free(rank));
            if (After.Count == 0 && _stage.Advance(_ranks.IsOld))
                Before.Add(TakeRows(_ranks.IsOld));
            else if (_stage.Advance(_ranks.IsNew) && _stage.IsCovered)
                After.Add(TakeRows(_ranks.IsNew));
            else
                throw NoWay(rank, pending, free);
        }
    }

    private static bool[] Set(int[] row, int experts)
    {
        var set = new bool[experts];
        foreach (var expert in row)
        {
            if (expert >= 0)
                set[expert] = true;
        }

        return set;
    }

    /// <summary>What stays keeps its slot; what is new takes the one it will have in the end, if it is free.</summary>
    private int[][] TakeRows(bool[] members)
    {
        var rows = new int[_rows.Length][];
        for (var rank = 0; rank < rows.Length; rank++)
        {
            if (!members[rank])
            {
                rows[rank] = [];
                continue;
            }

            var row = rows[rank] = new int[Math.Max(_rows[rank].Length, _ranks.Slots[rank])];
            Array.Fill(row, -1);
            var held = (bool[])_stage.Holds[rank].Clone();
            Keep(_rows[rank], row, held);
            Keep(_target[rank], row, held);
            for (var expert = Array.IndexOf(held, true); expert >= 0; expert = Array.IndexOf(held, true))
            {
                row[Array.IndexOf(row, -1)] = expert;
                held[expert] = false;
            }
        }

        return _rows = rows;
    }

    private static void Keep(int[] from, int[] row, bool[] held)
    {
        for (var slot = 0; slot < from.Length; slot++)
        {
            if (from[slot] < 0 || row[slot] >= 0 || !held[from[slot]])
                continue;
            row[slot] = from[slot];
            held[from[slot]] = false;
        }
    }

    private ElasticEpException NoWay(int rank, int pending, int free) => RequestCheck.Impossible(
        $"In layer {_layer}, rank {_ranks.Ranks[rank]} is to get {pending} experts and has {free} free buffers (it has {_ranks.Slots[rank]} slots and SpareExperts = {_ranks.Spares[rank]}), and no exchange with others frees more; raise SpareExperts, or resize in smaller steps, joiners and leavers apart.");
}
