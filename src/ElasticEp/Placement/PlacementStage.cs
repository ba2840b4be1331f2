using System.Collections.Immutable;

namespace ElasticEp.Placement;

/// <summary>One of the successive views of a plan, valid by itself.</summary>
/// <remarks>
/// The stage's transfers are copied while the placement before it is in use, from ranks that hold the expert in that placement, into
/// buffers that it leaves free (slots and spare buffers of a rank minus the experts that it holds there); then the stage's placement
/// replaces it. An expert that both placements give to a rank needs no transfer, whatever its slot.
/// </remarks>
/// <param name="placement">What is in use from this stage on; its ranks are the members of the view.</param>
/// <param name="transfers">What must have arrived before that, in the order in which to copy. Empty when the stage only withdraws replicas.</param>
internal sealed class PlacementStage(ExpertPlacement placement, IReadOnlyList<ExpertTransfer> transfers)
{
    private readonly ILookup<int, ExpertTransfer> _byDestination = transfers.ToLookup(transfer => transfer.Destination);

    /// <summary>What is in use from this stage on; its ranks are the members of the view.</summary>
    public ExpertPlacement Placement { get; } = placement;

    /// <summary>What must have arrived before that, in the order in which to copy. Empty when the stage only withdraws replicas.</summary>
    public IReadOnlyList<ExpertTransfer> Transfers { get; } = transfers;

    /// <summary>Those of them to one rank, in the same order.</summary>
    public ImmutableArray<ExpertTransfer> TransfersTo(int rank) => [.. _byDestination[rank]];
}
