namespace ElasticEp.Placement;

/// <summary>
/// The copies among which one rank chooses under one view. Those of a layer are found when they are asked for first: a route of thousands of
/// tokens looks each up in no time.
/// </summary>
internal sealed class ReplicaCandidates(GroupView view, int rank)
{
    private readonly (int[] Starts, ExpertReplica[] Copies)[] _layers = new (int[], ExpertReplica[])[view.Placement.Layers];

    /// <summary>The copies of an expert; empty when no rank of the view holds one.</summary>
    public ReadOnlySpan<ExpertReplica> Of(int layer, int expert)
    {
        if (_layers[layer].Starts is null)
            _layers[layer] = Find(layer);
        var (starts, copies) = _layers[layer];
        return copies.AsSpan(starts[expert]..starts[expert + 1]);
    }

    private (int[] Starts, ExpertReplica[] Copies) Find(int layer)
    {
        var starts = new int[view.Placement.Experts + 1];
        var found = new List<ExpertReplica>(view.Placement.Experts);
        for (var expert = 0; expert < view.Placement.Experts; expert++)
        {
            found.AddRange(ReplicaChoice.Among(view.Placement.GetActiveReplicas(layer, expert), view, rank));
            starts[expert + 1] = found.Count;
        }

        return (starts, [.. found]);
    }
}
