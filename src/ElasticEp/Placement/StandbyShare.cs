namespace ElasticEp.Placement;

/// <summary>
/// Which experts a rank outside of the view is to hold ahead of its admission: those with the fewest copies, and of each member in turn. The
/// first because those are what a loss takes; the second because whoever is admitted relieves all members alike, so that its share can be
/// found among what it holds. The load is left out: it changes all the time, and what a standby fetches is to last.
/// </summary>
internal static class StandbyShare
{
    /// <summary>
    /// As many experts of each layer as the rank has slots for. What it holds already goes before what is as good. Ranks begin at different
    /// places, so that several standbys hold different experts.
    /// </summary>
    /// <param name="view">Where the experts are.</param>
    /// <param name="rank">The rank, which is not among them.</param>
    /// <param name="slots">Its slots in each layer.</param>
    /// <param name="held">What it holds; empty for nothing.</param>
    /// <returns>A placement on this rank alone, experts ascending.</returns>
    public static ExpertPlacement Choose(ExpertPlacement view, int rank, int slots, ExpertPlacement held) => OnRank(view, rank, layer =>
    {
        var order = Order(view, layer);
        var start = slots < order.Length ? (int)((long)rank * slots % order.Length) : 0;
        var keeps = held.Layers == 0 ? [] : held.GetSlots(layer, rank).ToArray().ToHashSet();
        return order[start..].Concat(order[..start])
            .OrderBy(expert => view.GetReplicas(layer, expert).Length).ThenBy(expert => keeps.Contains(expert) ? 0 : 1)
            .Take(slots);
    });

    /// <summary>
    /// What a rank holds, for a policy to choose from: all of it; or, when several join that may hold the same, what some of the members hold too, so
    /// that each member gives up to one joiner. Those that are left over when the joiners have as many members each are divided expert by expert.
    /// </summary>
    /// <param name="view">Where the experts are.</param>
    /// <param name="held">What the rank holds.</param>
    /// <param name="joiner">Which of the joiners it is, from 0.</param>
    /// <param name="joiners">How many there are.</param>
    public static ExpertPlacement Offer(ExpertPlacement view, ExpertPlacement held, int joiner, int joiners)
    {
        var (rank, divided) = (held.Ranks[0], view.Ranks.Length / joiners * joiners);
        return OnRank(view, rank, layer =>
        {
            var turns = Turns(view, layer);
            return held.GetSlots(layer, rank).ToArray().Where(expert => JoinerOf(view.Ranks.BinarySearch(view.GetReplicas(layer, expert)[0].Rank), turns[expert]) == joiner);
        });

        int JoinerOf(int member, int turn) => (member < divided ? member : member + turn) % joiners;
    }

    /// <summary>What is in both of two placements on one rank.</summary>
    public static ExpertPlacement Common(ExpertPlacement one, ExpertPlacement other) => one.Layers == 0 || other.Layers == 0
        ? ExpertPlacement.Empty
        : OnRank(one, one.Ranks[0], layer => one.GetSlots(layer, one.Ranks[0]).ToArray().Intersect(other.GetSlots(layer, one.Ranks[0]).ToArray()));

    private static ExpertPlacement OnRank(ExpertPlacement shape, int rank, Func<int, IEnumerable<int>> choose) =>
        new(shape.Experts, [rank], [.. Enumerable.Range(0, shape.Layers).Select(layer => (int[][])[[.. choose(layer).Order()]])]);

    /// <summary>The experts of a layer by their number of copies; those with as many are taken from each member in turn.</summary>
    private static int[] Order(ExpertPlacement view, int layer)
    {
        var turns = Turns(view, layer);
        return [.. Enumerable.Range(0, view.Experts).OrderBy(expert => view.GetReplicas(layer, expert).Length).ThenBy(expert => turns[expert])];
    }

    /// <summary>For each expert, how many that have as many copies come before it on the first member that holds it.</summary>
    private static int[] Turns(ExpertPlacement view, int layer)
    {
        var turns = new int[view.Experts];
        foreach (var rank in view.Ranks)
        {
            var next = new Dictionary<int, int>(); // by number of copies
            foreach (var expert in view.GetSlots(layer, rank))
            {
                if (expert < 0 || view.GetReplicas(layer, expert)[0].Rank != rank)
                    continue;
                var copies = view.GetReplicas(layer, expert).Length;
                turns[expert] = next.GetValueOrDefault(copies);
                next[copies] = turns[expert] + 1;
            }
        }

        return turns;
    }
}
