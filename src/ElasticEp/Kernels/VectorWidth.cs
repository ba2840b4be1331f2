namespace ElasticEp.Kernels;

/// <summary>Widest vectors that the CPU kernels use. All give the same bits.</summary>
internal enum VectorWidth
{
    Scalar = 0,
    Vector256 = 256,
    Vector512 = 512,
}
