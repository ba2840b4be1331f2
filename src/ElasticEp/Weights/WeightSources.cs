using System.Collections.Immutable;
using ElasticEp.Placement;

namespace ElasticEp.Weights;

/// <summary>Where a rank gets what a next view needs: from the source that the plan chose, and if that fails, from any other holder.</summary>
internal sealed class WeightSources
{
    private readonly GroupView _view;
    private readonly Dictionary<(int Layer, int Expert), int> _planned;

    private WeightSources(int rank, GroupView view, IEnumerable<ExpertTransfer> transfers)
    {
        _view = view;
        _planned = transfers
            .Where(transfer => transfer.Destination == rank)
            .DistinctBy(transfer => (transfer.Layer, transfer.Expert))
            .ToDictionary(transfer => (transfer.Layer, transfer.Expert), transfer => transfer.Source);
        Peers = [.. view.Members.Where(member => member.Rank != rank).Select(member => member.Id)];
    }

    /// <summary>All members that have the dense memory.</summary>
    public ImmutableArray<MemberId> Peers { get; }

    /// <param name="rank">The rank that needs weights.</param>
    /// <param name="view">The view in use.</param>
    /// <param name="transfers">The plan.</param>
    public static WeightSources Of(int rank, GroupView view, IEnumerable<ExpertTransfer> transfers) => new(rank, view, transfers);

    /// <summary>The members that have an expert, the planned source first; none when the workload must load it.</summary>
    public ImmutableArray<MemberId> Holders(SlotNeed need)
    {
        var planned = _planned.GetValueOrDefault((need.Layer, need.Expert), -1);
        var holders = new List<MemberId>();
        foreach (var replica in _view.Placement.Layers == 0 ? [] : _view.Placement.GetReplicas(need.Layer, need.Expert))
        {
            if (_view.Find(replica.Rank) is { } holder && Peers.Contains(holder.Id) && !holders.Contains(holder.Id))
                holders.Add(holder.Id);
        }

        return [.. holders.OrderBy(holder => holder.Rank == planned ? 0 : 1)];
    }
}
