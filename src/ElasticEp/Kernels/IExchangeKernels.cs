namespace ElasticEp.Kernels;

/// <summary>
/// The arithmetic and data movement of an exchange. Rows are <c>hidden</c> elements of <see cref="ElementType.Float32"/> or
/// <see cref="ElementType.BFloat16"/>, contiguous. Every implementation gives the same bits.
/// </summary>
internal interface IExchangeKernels
{
    /// <summary>Where the buffers that these kernels work on must lie.</summary>
    MemoryKind Memory { get; }

    /// <summary>Copies rows: <c>destination[to[i]] = source[from[i]]</c>.</summary>
    /// <param name="source">Rows.</param>
    /// <param name="from">Row numbers in the source.</param>
    /// <param name="destination">Rows.</param>
    /// <param name="to">Row numbers in the destination, as many as in <paramref name="from"/>.</param>
    /// <param name="rowBytes">Bytes of a row.</param>
    /// <exception cref="ArgumentException">The lists differ in length, or a number is outside its buffer.</exception>
    void CopyRows(EpBuffer source, ReadOnlySpan<int> from, EpBuffer destination, ReadOnlySpan<int> to, int rowBytes);

    /// <summary>
    /// A weighted sum of rows for each output row t: starting from zero, for j = 0 … terms−1 in order,
    /// <c>acc = fma(weights[t·terms + j], rows[index[t·terms + j]], acc)</c> in binary32, fused and with one rounding per step, then one
    /// rounding to the row type (to nearest, ties to even). Terms with index −1 are skipped. A sum that is not a number is always the
    /// positive quiet NaN, 0x7FC00000 or 0x7FC0, because processors differ in which NaN they pass on. Nothing is written when an
    /// argument is refused.
    /// </summary>
    /// <param name="rows">Rows.</param>
    /// <param name="index">Row of each term, <c>[count, terms]</c>; −1 = none.</param>
    /// <param name="weights">Weight of each term, <c>[count, terms]</c>.</param>
    /// <param name="output">Receives <c>[count, hidden]</c>, in the type of <paramref name="rows"/>.</param>
    /// <param name="terms">Terms of each output row.</param>
    /// <param name="hidden">Elements of a row.</param>
    /// <exception cref="ArgumentException">Lengths do not fit, or an index is outside the rows.</exception>
    void WeightedSum(EpBuffer rows, ReadOnlySpan<int> index, ReadOnlySpan<float> weights, EpBuffer output, int terms, int hidden);
}
