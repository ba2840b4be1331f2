namespace ElasticEp.Cuda.Kernels;

/// <summary>
/// A row of e4m3 values as it travels: the values, one binary32 scale for each 128 of them, and zero to fifteen bytes so that rows lie
/// at multiples of 16. A value is code × scale.
/// </summary>
internal static class Float8Row
{
    public const int GroupValues = 128;

    /// <summary>Bytes of a row of so many values, which must be a multiple of 128.</summary>
    public static int Bytes(int hidden) => (hidden + (hidden / GroupValues * sizeof(float)) + 15) & ~15;
}
