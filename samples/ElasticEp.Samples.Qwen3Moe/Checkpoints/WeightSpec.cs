namespace ElasticEp.Samples.Qwen3Moe;

/// <summary>A weight that a model needs.</summary>
/// <param name="Name">Its name in the checkpoint.</param>
/// <param name="Shape">Its dimensions.</param>
public sealed record WeightSpec(string Name, int[] Shape)
{
    /// <summary>Its length in bytes.</summary>
    public long ByteLength(WeightType type) => Shape.Aggregate(type == WeightType.BFloat16 ? 2L : 4L, (bytes, size) => bytes * size);
}
