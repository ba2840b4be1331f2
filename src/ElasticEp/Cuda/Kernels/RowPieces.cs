namespace ElasticEp.Cuda.Kernels;

/// <summary>Pieces of rows in one sequence. A division by a number that is not constant takes as long as a load, so the host prepares it.</summary>
internal static class RowPieces
{
    /// <summary>What <see cref="RowOf"/> takes besides the number of pieces, which is at least 1.</summary>
    public static int Divisor(int pieces) => (int)(uint.MaxValue / (uint)pieces);

    /// <summary>The row of a piece: <paramref name="item"/> / <paramref name="pieces"/>.</summary>
    public static int RowOf(int item, int pieces, int divisor)
    {
        var row = (int)(((ulong)(uint)item * (uint)divisor) >> 32); // this or one less
        return item - (row * pieces) >= pieces ? row + 1 : row;
    }
}
