using ElasticEp.Placement;

namespace ElasticEp.Tests.Placement;

/// <summary>Buffers of ranks that carry out a plan, and that notice everything that must not happen.</summary>
internal sealed class SimulatedCluster
{
    private readonly PlacementRequest _request;
    private readonly Dictionary<int, RankCapacity> _capacities;
    private readonly Dictionary<(int Layer, int Rank), List<int>> _buffers = []; // experts in memory
    private ExpertPlacement _routed;

    private SimulatedCluster(PlacementRequest request)
    {
        _request = request;
        _capacities = request.Ranks.ToDictionary(rank => rank.Rank);
        _routed = request.Current;
        foreach (var rank in _routed.Ranks.ToArray().Union(_capacities.Keys))
        {
            for (var layer = 0; layer < request.Layers; layer++)
                _buffers[(layer, rank)] = [.. Routed(layer, rank)];
        }
    }

    /// <summary>Runs every stage of the plan from the request's placement.</summary>
    public static void Run(PlacementRequest request, PlacementPlan plan)
    {
        var cluster = new SimulatedCluster(request);
        var hasEntered = request.Current.Layers == 0;
        foreach (var stage in plan.Stages)
        {
            cluster.Copy(stage);
            hasEntered |= cluster.CheckMembers(stage, hasEntered);
            cluster.Switch(stage);
        }

        Assert.Same(plan.Stages[^1].Placement, plan.Placement);
        Assert.True(hasEntered);
        Assert.All(request.Ranks, rank => Assert.True(plan.Placement.GetSlots(0, rank.Rank).Length <= rank.Slots));
        Assert.Null(cluster._routed.FindMissing());
    }

    private void Copy(PlacementStage stage)
    {
        foreach (var transfer in stage.Transfers)
        {
            var holders = _routed.Layers == 0 ? [] : _routed.GetReplicas(transfer.Layer, transfer.Expert).ToArray();
            Assert.True(
                holders.Length == 0 ? transfer.Source == -1 : holders.Any(holder => holder.Rank == transfer.Source),
                $"{transfer} is sent by a rank that does not hold it");
            Assert.Equal(transfer.Expert, stage.Placement.GetSlots(transfer.Layer, transfer.Destination)[transfer.Slot]);
            var buffers = _buffers[(transfer.Layer, transfer.Destination)];
            var routed = Routed(transfer.Layer, transfer.Destination);
            Assert.DoesNotContain(transfer.Expert, routed);
            var capacity = _capacities[transfer.Destination];
            if (buffers.Count >= Math.Max(capacity.Slots, SlotsBefore(transfer.Destination)) + capacity.SpareExperts)
                Assert.True(buffers.RemoveAll(expert => !routed.Contains(expert) && !stage.Placement.GetSlots(transfer.Layer, transfer.Destination).Contains(expert)) > 0, $"{transfer} has no buffer that is not routed to");
            buffers.Add(transfer.Expert);
        }
    }

    private bool CheckMembers(PlacementStage stage, bool hasEntered)
    {
        var target = _request.Ranks.Select(rank => rank.Rank).ToArray();
        if (stage.Placement.Ranks.SequenceEqual(target))
            return true;
        Assert.False(hasEntered, "members changed twice");
        Assert.Equal(_request.Current.Ranks.ToArray(), stage.Placement.Ranks.ToArray());
        return false;
    }

    private void Switch(PlacementStage stage)
    {
        for (var layer = 0; layer < _request.Layers; layer++)
        {
            foreach (var rank in stage.Placement.Ranks)
            {
                var slots = stage.Placement.GetSlots(layer, rank);
                Assert.True(!_capacities.TryGetValue(rank, out var capacity) || slots.Length <= Math.Max(capacity.Slots, SlotsBefore(rank)));
                foreach (var expert in slots)
                    Assert.True(expert < 0 || _buffers[(layer, rank)].Contains(expert), $"rank {rank} is to serve expert {expert} of layer {layer}, which it does not have");
            }

            for (var expert = 0; expert < _request.Experts && _routed.Layers > 0; expert++)
                Assert.True(_routed.GetReplicas(layer, expert).Length == 0 || stage.Placement.GetReplicas(layer, expert).Length > 0, $"expert {expert} of layer {layer} is lost");
        }

        _routed = stage.Placement;
    }

    private HashSet<int> Routed(int layer, int rank) =>
        _routed.Layers == 0 ? [] : [.. _routed.GetSlots(layer, rank).ToArray().Where(expert => expert >= 0)];

    /// <summary>A rank that is to have fewer slots gives them up in the end.</summary>
    private int SlotsBefore(int rank) => _request.Current.Ranks.Contains(rank) ? _request.Current.GetSlots(0, rank).Length : 0;
}
