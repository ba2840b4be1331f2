using System.Collections.Immutable;
using ElasticEp.Placement;

namespace ElasticEp.Weights;

/// <summary>Where a rank gets what a next view needs: from the source that the plan chose, and if that fails, from any other holder.</summary>
internal sealed class WeightSources
{
    private readonly int _rank;
    private readonly ExpertPlacement _placement;
    private readonly Dictionary<(int Layer, int Expert), int> _planned;

    private WeightSources(int rank, GroupView view, IEnumerable<ExpertTransfer> transfers)
    {
        _rank = rank;
        _placement = view.Placement;
        _planned = transfers
            .Where(transfer => transfer.Destination == rank)
            .DistinctBy(transfer => (transfer.Layer, transfer.Expert))
            .ToDictionary(transfer => (transfer.Layer, transfer.Expert), transfer => transfer.Source);
        Peers = [.. view.Members.Select(member => member.Rank).Where(peer => peer != rank)];
    }

    /// <summary>All ranks that have the dense memory.</summary>
    public ImmutableArray<int> Peers { get; }

    /// <param name="rank">The rank that needs weights.</param>
    /// <param name="view">The view in use.</param>
    /// <param name="transfers">The plan.</param>
    public static WeightSources Of(int rank, GroupView view, IEnumerable<ExpertTransfer> transfers) => new(rank, view, transfers);

    /// <summary>The ranks that have an expert, the planned source first; none when the workload must load it.</summary>
    public ImmutableArray<int> Holders(SlotNeed need)
    {
        var planned = _planned.GetValueOrDefault((need.Layer, need.Expert), -1);
        var holders = new List<int>();
        foreach (var replica in _placement.Layers == 0 ? [] : _placement.GetReplicas(need.Layer, need.Expert))
        {
            if (replica.Rank != _rank && Peers.Contains(replica.Rank) && !holders.Contains(replica.Rank))
                holders.Add(replica.Rank);
        }

        return [.. holders.OrderBy(holder => holder == planned ? 0 : 1)];
    }
}
