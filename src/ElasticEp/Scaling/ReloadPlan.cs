using ElasticEp.Placement;
using ElasticEp.Protocol;

namespace ElasticEp.Scaling;

/// <summary>
/// Where experts go whose last copies were lost: to members that still hold them for the view before, else to members that load them from
/// the workload's source. Everything else stays where it is; superfluous copies make room. A passive copy is one like any other. Pure.
/// </summary>
internal sealed class ReloadPlan
{
    private readonly int[] _ranks;
    private readonly int[][][] _rows; // [layer][index of rank][slot]
    private readonly int[] _loads; // per rank: experts that it loads, so that all load about as many

    private ReloadPlan(int[] ranks, int layers) => (_ranks, _rows, _loads) = (ranks, new int[layers][][], new int[ranks.Length]);

    /// <summary>A placement with every expert on the members that are kept, and who of them has to load; null when they have too few slots.</summary>
    /// <param name="record">The highest durable record.</param>
    /// <param name="kept">The members of its view that are kept.</param>
    /// <param name="slots">Slots of a rank in each layer.</param>
    public static (ExpertPlacement Placement, int[] Reloading)? Find(GroupRecord record, IReadOnlyList<GroupMember> kept, int slots)
    {
        var view = record.View.Placement;
        if (kept.Count * (long)slots < view.Experts)
            return null;
        var plan = new ReloadPlan([.. kept.Select(member => member.Rank).Order()], view.Layers);
        // A recovery's view has given up what it does not name; any other one is preceded by a view whose slots are as they were.
        var before = record.View.BeginsWithStart ? null : record.LastCompleted;
        for (var layer = 0; layer < view.Layers; layer++)
            plan.PlaceLayer(layer, view, slots, before);
        return (PassiveCopies.CarryOver(new ExpertPlacement(view.Experts, plan._ranks, plan._rows), view), [.. plan._ranks.Where((_, index) => plan._loads[index] > 0)]);
    }

    private void PlaceLayer(int layer, ExpertPlacement view, int slots, GroupView? before)
    {
        var rows = _rows[layer] = [.. _ranks.Select(rank => Widen(view.GetSlots(layer, rank), slots))];
        var copies = new int[view.Experts];
        foreach (var expert in rows.SelectMany(row => row).Where(expert => expert >= 0))
            copies[expert]++;
        for (var expert = 0; expert < copies.Length; expert++)
        {
            if (copies[expert] > 0)
                continue;
            // Rows have more slots than there are experts, so one is empty or has a copy too many.
            var index = FindHolder(layer, expert, rows, copies, before);
            if (index < 0)
            {
                index = Enumerable.Range(0, rows.Length).Where(each => FindRoom(rows[each], copies) >= 0).MinBy(each => (_loads[each], IsFull(rows[each]), each));
                _loads[index]++;
            }

            var slot = FindRoom(rows[index], copies);
            if (rows[index][slot] >= 0)
                copies[rows[index][slot]]--;
            rows[index][slot] = expert;
            copies[expert] = 1;
        }
    }

    /// <summary>A member, with room for it, that holds the expert for the view before; −1 for none.</summary>
    private int FindHolder(int layer, int expert, int[][] rows, int[] copies, GroupView? before) => before is null
        ? -1
        : Enumerable.Range(0, rows.Length).FirstOrDefault(index => before.Placement.GetSlots(layer, _ranks[index]).Contains(expert) && FindRoom(rows[index], copies) >= 0, -1);

    private static bool IsFull(int[] row) => !row.Contains(-1);

    /// <summary>An empty slot, else that of the expert with the most copies; −1 when every expert of the row is the last copy.</summary>
    private static int FindRoom(int[] row, int[] copies)
    {
        var best = -1;
        for (var slot = 0; slot < row.Length; slot++)
        {
            if (row[slot] < 0)
                return slot;
            if (copies[row[slot]] > 1 && (best < 0 || copies[row[slot]] > copies[row[best]]))
                best = slot;
        }

        return best;
    }

    private static int[] Widen(ReadOnlySpan<int> row, int slots)
    {
        var wide = new int[Math.Max(slots, row.Length)];
        Array.Fill(wide, -1);
        row.CopyTo(wide);
        return wide;
    }
}
