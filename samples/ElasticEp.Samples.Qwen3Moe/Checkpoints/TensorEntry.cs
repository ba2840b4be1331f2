namespace ElasticEp.Samples.Qwen3Moe;

/// <summary>Where a tensor lies.</summary>
/// <param name="File">Path of its file.</param>
/// <param name="Type">How it is stored.</param>
/// <param name="Shape">Its dimensions.</param>
/// <param name="Offset">First byte in the file.</param>
/// <param name="ByteLength">Its bytes.</param>
internal sealed record TensorEntry(string File, WeightType Type, int[] Shape, long Offset, long ByteLength);
