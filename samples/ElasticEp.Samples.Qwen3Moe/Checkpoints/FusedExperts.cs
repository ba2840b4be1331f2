namespace ElasticEp.Samples.Qwen3Moe;

/// <summary>
/// Checkpoints may hold all experts of a layer in two tensors: gate above up <c>[experts, 2 · inner, hidden]</c>, and down
/// <c>[experts, hidden, inner]</c>. Each expert's three weights are contiguous parts of them, and are read as if they were tensors of their own.
/// </summary>
internal static class FusedExperts
{
    /// <summary>Replaces fused tensors by their parts.</summary>
    /// <exception cref="ModelLoadException">One is missing, or has another shape.</exception>
    public static void Split(Qwen3MoeConfig config, Dictionary<string, TensorEntry> tensors)
    {
        for (var layer = 0; layer < config.SparseLayers.Count; layer++)
        {
            var (gateUp, down) = WeightNames.Fused(config, layer);
            if (!tensors.ContainsKey(gateUp.Name) && !tensors.ContainsKey(down.Name))
                continue;
            var (gateUpEntry, downEntry) = (Take(tensors, gateUp), Take(tensors, down));
            for (var expert = 0; expert < config.Experts; expert++)
            {
                var weights = WeightNames.Expert(config, layer, expert);
                Add(tensors, weights[0], gateUpEntry, 2 * expert);
                Add(tensors, weights[1], gateUpEntry, (2 * expert) + 1);
                Add(tensors, weights[2], downEntry, expert);
            }
        }
    }

    private static TensorEntry Take(Dictionary<string, TensorEntry> tensors, WeightSpec fused)
    {
        if (!tensors.Remove(fused.Name, out var entry))
            throw new ModelLoadException($"Tensor '{fused.Name}' is missing; the other one of its layer's fused experts is there.");
        return entry.Shape.AsSpan().SequenceEqual(fused.Shape)
            ? entry
            : throw new ModelLoadException($"{entry.File}: tensor '{fused.Name}' has shape [{string.Join(", ", entry.Shape)}]; config.json asks for [{string.Join(", ", fused.Shape)}].");
    }

    private static void Add(Dictionary<string, TensorEntry> tensors, WeightSpec weight, TensorEntry fused, int place)
    {
        var length = weight.ByteLength(fused.Type);
        if (!tensors.TryAdd(weight.Name, new TensorEntry(fused.File, fused.Type, weight.Shape, fused.Offset + (place * length), length)))
            throw new ModelLoadException($"{fused.File}: tensor '{weight.Name}' is there by itself and among fused experts.");
    }
}
