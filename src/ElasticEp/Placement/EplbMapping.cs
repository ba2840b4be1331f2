namespace ElasticEp.Placement;

/// <summary>The published form of a placement: slots of all ranks in one row, <c>physical</c> in the algorithm's words.</summary>
/// <param name="physicalToLogical">Expert of each slot, <c>[layers, slots]</c>; the slots of rank 0 come first.</param>
/// <param name="logicalToPhysical">Slots of each expert in the order of its replicas, <c>[layers, experts, most replicas]</c>; −1 where it has fewer.</param>
/// <param name="replicas">Copies of each expert, <c>[layers, experts]</c>.</param>
internal sealed class EplbMapping(int[] physicalToLogical, int[] logicalToPhysical, int[] replicas)
{
    /// <summary>Expert of each slot, <c>[layers, slots]</c>; the slots of rank 0 come first.</summary>
    public int[] PhysicalToLogical { get; } = physicalToLogical;

    /// <summary>Slots of each expert in the order of its replicas, <c>[layers, experts, most replicas]</c>; −1 where it has fewer.</summary>
    public int[] LogicalToPhysical { get; } = logicalToPhysical;

    /// <summary>Copies of each expert, <c>[layers, experts]</c>.</summary>
    public int[] Replicas { get; } = replicas;
}
