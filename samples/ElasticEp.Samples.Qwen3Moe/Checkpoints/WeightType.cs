namespace ElasticEp.Samples.Qwen3Moe;

/// <summary>How the elements of a weight are stored; they stay so in memory.</summary>
public enum WeightType
{
    /// <summary>bfloat16, two bytes.</summary>
    BFloat16,

    /// <summary>float32, four bytes.</summary>
    Float32,
}
