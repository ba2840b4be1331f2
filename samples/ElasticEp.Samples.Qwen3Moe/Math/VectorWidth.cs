namespace ElasticEp.Samples.Qwen3Moe;

/// <summary>Widest vectors in use; every one gives the same bits.</summary>
internal enum VectorWidth
{
    Scalar,
    Vector128,
    Vector256,
    Vector512,
}
