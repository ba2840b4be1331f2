using ElasticEp.Placement;

namespace ElasticEp.Benchmarks.Placement;

/// <summary>
/// The plain way to resize with the fewest moves: what is held stays; an expert that nobody has any more takes the place of a replica of
/// the coldest expert, if no slot is free; free slots get further replicas of the hottest experts.
/// </summary>
internal sealed class KeepAndFill : IPlacementPolicy
{
    public string Name => "keep-and-fill";

    public ExpertPlacement Plan(PlacementRequest request)
    {
        var slots = new int[request.Layers][][];
        for (var layer = 0; layer < slots.Length; layer++)
        {
            slots[layer] = [.. request.Ranks.Select(rank => Kept(request, layer, rank))];
            var load = request.Load.Slice(layer * request.Experts, request.Experts).ToArray();
            var copies = new int[request.Experts];
            foreach (var expert in slots[layer].SelectMany(row => row).Where(expert => expert >= 0))
                copies[expert]++;
            foreach (var missing in Enumerable.Range(0, request.Experts).Where(expert => copies[expert] == 0))
            {
                if (!Put(slots[layer], missing))
                    Displace(slots[layer], missing, copies, load);
                copies[missing] = 1;
            }

            Fill(slots[layer], copies, load);
        }

        return new ExpertPlacement(request.Experts, [.. request.Ranks.Select(rank => rank.Rank)], slots);
    }

    private static int[] Kept(PlacementRequest request, int layer, RankCapacity rank)
    {
        var row = new int[rank.Slots];
        Array.Fill(row, -1);
        request.Current.GetSlots(layer, rank.Rank).CopyTo(row);
        return row;
    }

    private static bool Put(int[][] slots, int expert)
    {
        var emptiest = slots.Where(row => !row.Contains(expert)).OrderByDescending(row => row.Count(held => held < 0)).FirstOrDefault();
        if (emptiest is null || Array.IndexOf(emptiest, -1) is var slot && slot < 0)
            return false;
        emptiest[slot] = expert;
        return true;
    }

    private static void Displace(int[][] slots, int expert, int[] copies, float[] load)
    {
        var victim = Enumerable.Range(0, copies.Length).Where(other => copies[other] > 1).MinBy(other => load[other] / (copies[other] - 1));
        var row = slots.First(row => row.Contains(victim));
        row[Array.IndexOf(row, victim)] = expert;
        copies[victim]--;
    }

    private static void Fill(int[][] slots, int[] copies, float[] load)
    {
        while (slots.Any(row => row.Contains(-1)))
        {
            var isPut = false;
            foreach (var expert in Enumerable.Range(0, copies.Length).OrderByDescending(expert => load[expert] / copies[expert]))
            {
                if (!Put(slots, expert))
                    continue;
                copies[expert]++;
                isPut = true;
                break;
            }

            if (!isPut)
                return;
        }
    }
}
