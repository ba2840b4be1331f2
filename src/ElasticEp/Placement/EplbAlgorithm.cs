using CommunityToolkit.HighPerformance.Buffers;

namespace ElasticEp.Placement;

/// <summary>
/// DeepSeek's expert-parallel load balancer (github.com/deepseek-ai/EPLB) on arrays. Groups of experts are packed onto nodes, experts are
/// replicated within each node, and the replicas are packed onto the node's ranks. With one group and one node it is the global
/// policy. In float32, ties to the lower index.
/// </summary>
internal static class EplbAlgorithm
{
    /// <param name="weight">Load, <c>[layers, experts]</c>; not negative.</param>
    /// <param name="layers">Number of layers.</param>
    /// <param name="slots">Slots of all ranks in each layer.</param>
    /// <param name="groups">Groups of experts; the global policy is used when the nodes do not divide them.</param>
    /// <param name="nodes">Nodes.</param>
    /// <param name="ranks">Ranks.</param>
    /// <exception cref="ElasticEpException"><see cref="ElasticEpErrorCode.InvalidArgument"/>: numbers that do not divide, too few slots, or a wrong load.</exception>
    public static EplbMapping Plan(ReadOnlySpan<float> weight, int layers, int slots, int groups, int nodes, int ranks)
    {
        var experts = layers < 1 || weight.Length % layers != 0 ? 0 : weight.Length / layers;
        Check(weight, layers, experts, slots, groups, nodes, ranks);
        if (groups % nodes != 0)
            (groups, nodes) = (1, 1);
        var physicalToLogical = new int[layers * slots];
        var replicas = new int[layers * experts];
        using var replicaOfSlot = SpanOwner<int>.Allocate(layers * slots);
        using (var floats = SpanOwner<float>.Allocate((3 * experts) + (2 * slots) + groups + Math.Max(nodes, ranks)))
        using (var ints = SpanOwner<int>.Allocate((3 * experts) + (4 * slots) + (2 * groups) + Math.Max(nodes, ranks)))
        using (var longs = SpanOwner<ulong>.Allocate(slots))
        {
            var layer = new EplbLayer(floats.Span, ints.Span, longs.Span, experts, slots, groups, nodes, ranks);
            for (var i = 0; i < layers; i++)
            {
                layer.Plan(
                    weight.Slice(i * experts, experts), physicalToLogical.AsSpan(i * slots, slots),
                    replicaOfSlot.Span.Slice(i * slots, slots), replicas.AsSpan(i * experts, experts));
            }
        }

        return new EplbMapping(physicalToLogical, Invert(physicalToLogical, replicaOfSlot.Span, replicas, layers, slots), replicas);
    }

    private static int[] Invert(int[] physicalToLogical, ReadOnlySpan<int> replicaOfSlot, int[] replicas, int layers, int slots)
    {
        var experts = replicas.Length / layers;
        var most = 0;
        foreach (var count in replicas)
            most = Math.Max(most, count);
        var logicalToPhysical = new int[replicas.Length * most];
        Array.Fill(logicalToPhysical, -1);
        for (var layer = 0; layer < layers; layer++)
        {
            for (var slot = 0; slot < slots; slot++)
            {
                var index = (layer * slots) + slot;
                logicalToPhysical[(((layer * experts) + physicalToLogical[index]) * most) + replicaOfSlot[index]] = slot;
            }
        }

        return logicalToPhysical;
    }

    private static void Check(ReadOnlySpan<float> weight, int layers, int experts, int slots, int groups, int nodes, int ranks)
    {
        if (experts < 1)
            throw RequestCheck.Invalid($"The load has {weight.Length} values; {layers} layers need the same number of values, at least one, each.");
        if (groups < 1 || nodes < 1 || ranks < 1)
            throw RequestCheck.Invalid($"EPLB needs at least one group, node and rank; there are {groups} groups, {nodes} nodes and {ranks} ranks.");
        if (experts % groups != 0)
            throw RequestCheck.Invalid($"EPLB needs groups of the same size; {experts} experts do not divide into {groups} groups.");
        if (ranks % nodes != 0)
            throw RequestCheck.Invalid($"EPLB needs as many ranks on every node; {ranks} ranks do not divide over {nodes} nodes.");
        if (slots % ranks != 0)
            throw RequestCheck.Invalid($"EPLB needs as many slots on every rank; {slots} slots do not divide over {ranks} ranks.");
        if (slots < experts)
            throw RequestCheck.Impossible($"EPLB needs a slot for every expert; {slots} slots are too few for {experts} experts.");
        foreach (var value in weight)
        {
            if (!(value >= 0) || float.IsInfinity(value))
                throw RequestCheck.Invalid($"The load contains {value}; loads must be finite and not negative.");
        }
    }
}
