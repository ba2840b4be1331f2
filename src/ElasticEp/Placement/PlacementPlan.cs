namespace ElasticEp.Placement;

/// <summary>A placement and the way there: one view, or several when slots must be reused while they are routed to.</summary>
/// <remarks>
/// Membership changes once. The stages before that have exactly the ranks of the placement in use, the others exactly those of the
/// request: joiners enter and leavers leave together. Almost always that is the last stage. Only when experts must leave full ranks for a
/// joiner before these can receive all of theirs do stages follow it; they are exchanges between the members of the new view.
/// </remarks>
internal sealed class PlacementPlan
{
    private readonly long _expertBytes;
    private readonly Dictionary<int, long> _sent = [];
    private readonly Dictionary<int, long> _received = [];

    /// <summary>Creates a plan.</summary>
    /// <param name="stages">The views, in order; at least one.</param>
    /// <param name="lowerBound">Fewest transfers that lead to as many copies on each rank.</param>
    /// <param name="expertBytes">Bytes of one expert; 0 when unknown.</param>
    public PlacementPlan(IReadOnlyList<PlacementStage> stages, int lowerBound, long expertBytes)
    {
        Stages = stages;
        LowerBound = lowerBound;
        _expertBytes = expertBytes;
        Transfers = stages.Count == 1 ? stages[0].Transfers : [.. stages.SelectMany(stage => stage.Transfers)];
        foreach (var transfer in Transfers)
        {
            if (transfer.Source >= 0)
                _sent[transfer.Source] = _sent.GetValueOrDefault(transfer.Source) + expertBytes;
            _received[transfer.Destination] = _received.GetValueOrDefault(transfer.Destination) + expertBytes;
        }
    }

    /// <summary>Creates a plan of one stage.</summary>
    public PlacementPlan(ExpertPlacement placement, IReadOnlyList<ExpertTransfer> transfers, int lowerBound)
        : this([new PlacementStage(placement, transfers)], lowerBound, 0)
    {
    }

    /// <summary>The placement of the last stage.</summary>
    public ExpertPlacement Placement => Stages[^1].Placement;

    /// <summary>The successive views, in order; at least one.</summary>
    public IReadOnlyList<PlacementStage> Stages { get; }

    /// <summary>What all stages copy, in order.</summary>
    public IReadOnlyList<ExpertTransfer> Transfers { get; }

    /// <summary>
    /// Fewest transfers that lead to as many copies on each rank, whichever they are. Per layer the larger of two numbers: experts that no rank
    /// of the new view holds yet, and copies by which ranks are to hold more than they do. So a new rank counts with all its copies, a
    /// leaver with the experts that nobody else has, and a rebalance among the same ranks with nothing.
    /// </summary>
    public int LowerBound { get; }

    /// <summary>Bytes that all transfers copy, also those from the workload's own source; 0 when the size of an expert is unknown.</summary>
    public long TotalBytes => Transfers.Count * _expertBytes;

    /// <summary>Bytes that each rank sends; ranks that send nothing are absent.</summary>
    public IReadOnlyDictionary<int, long> BytesSent => _sent;

    /// <summary>Bytes that each rank receives; ranks that receive nothing are absent.</summary>
    public IReadOnlyDictionary<int, long> BytesReceived => _received;

    /// <summary>Time for the transfers when every rank sends and receives at this speed at the same time: in each stage the busiest rank decides.</summary>
    /// <param name="bytesPerSecond">Speed of one direction of one rank's link.</param>
    public TimeSpan EstimateTime(double bytesPerSecond)
    {
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(bytesPerSecond, 0);
        var seconds = 0.0;
        foreach (var stage in Stages)
        {
            var sends = stage.Transfers.Where(transfer => transfer.Source >= 0).CountBy(transfer => transfer.Source);
            var receives = stage.Transfers.CountBy(transfer => transfer.Destination);
            seconds += sends.Concat(receives).Select(pair => pair.Value).DefaultIfEmpty(0).Max() * (_expertBytes / bytesPerSecond);
        }

        return TimeSpan.FromSeconds(seconds);
    }
}
