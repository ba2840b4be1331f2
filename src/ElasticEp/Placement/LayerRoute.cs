using System.Numerics;

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
    private readonly LayerStage _stage;
    private int[][] _rows;             // [rank][slot] of the stage in force

    public LayerRoute(StageRanks ranks, ExpertPlacement current, ExpertPlacement target, int layer)
    {
        (_ranks, _layer) = (ranks, layer);
        _rows = [.. ranks.Ranks.Select(rank => current.Layers == 0 ? [] : current.GetSlots(layer, rank).ToArray())];
        _target = [.. ranks.Ranks.Select(rank => target.GetSlots(layer, rank).ToArray())];
        _stage = new LayerStage(ranks, target.Experts, new BitRows(target.Experts, _target), new BitRows(target.Experts, _rows));
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

    /// <summary>What stays keeps its slot; what is new takes the one it will have in the end, if it is free.</summary>
    private int[][] TakeRows(bool[] members)
    {
        var rows = new int[_rows.Length][];
        var held = new ulong[_stage.Holds.Of(0).Length];
        for (var rank = 0; rank < rows.Length; rank++)
        {
            if (!members[rank])
            {
                rows[rank] = [];
                continue;
            }

            var row = rows[rank] = new int[Math.Max(_rows[rank].Length, _ranks.Slots[rank])];
            Array.Fill(row, -1);
            _stage.Holds.Of(rank).CopyTo(held);
            Keep(_rows[rank], row, held);
            Keep(_target[rank], row, held);
            for (var word = 0; word < held.Length; word++)
            {
                for (; held[word] != 0; held[word] &= held[word] - 1)
                    row[Array.IndexOf(row, -1)] = (word << 6) + BitOperations.TrailingZeroCount(held[word]);
            }
        }

        return _rows = rows;
    }

    private static void Keep(int[] from, int[] row, ulong[] held)
    {
        for (var slot = 0; slot < from.Length; slot++)
        {
            if (from[slot] < 0 || row[slot] >= 0 || (held[from[slot] >> 6] >> (from[slot] & 63) & 1) == 0)
                continue;
            row[slot] = from[slot];
            held[from[slot] >> 6] &= ~(1UL << (from[slot] & 63));
        }
    }

    private ElasticEpException NoWay(int rank, int pending, int free) => RequestCheck.Impossible(
        $"In layer {_layer}, rank {_ranks.Ranks[rank]} is to get {pending} experts and has {free} free buffers (it has {_ranks.Slots[rank]} slots and SpareExperts = {_ranks.Spares[rank]}), and no exchange with others frees more; raise SpareExperts, or resize in smaller steps, joiners and leavers apart.");
}
