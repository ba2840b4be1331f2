namespace ElasticEp.Samples.Qwen3Moe;

/// <summary>One row of weights, as stored.</summary>
internal readonly ref struct WeightRow(ReadOnlySpan<byte> bytes, WeightType type)
{
    public ReadOnlySpan<byte> Bytes { get; } = bytes;

    public WeightType Type { get; } = type;
}
