namespace ElasticEp.Kernels;

/// <summary>
/// The arithmetic and data movement of an exchange. Rows are <c>hidden</c> elements of <see cref="ElementType.Float32"/> or
/// <see cref="ElementType.BFloat16"/>, contiguous. Every implementation gives the same bits.
/// </summary>
public interface IExchangeKernels
{
    /// <summary>Where the buffers that these kernels work on must lie.</summary>
    MemoryKind Memory { get; }

    /// <summary>Copies rows: <c>destination[i] = source[indices[i]]</c>.</summary>
    /// <param name="source">Rows.</param>
    /// <param name="indices">Row numbers.</param>
    /// <param name="destination">Receives <c>indices.Length</c> rows.</param>
    /// <param name="rowBytes">Bytes of a row.</param>
    void Gather(EpBuffer source, ReadOnlySpan<int> indices, EpBuffer destination, int rowBytes);

    /// <summary>Copies rows: <c>destination[indices[i]] = source[i]</c>.</summary>
    void Scatter(EpBuffer source, ReadOnlySpan<int> indices, EpBuffer destination, int rowBytes);

    /// <summary>
    /// The weighted sum of each token's rows: starting from zero, for j = 0 … terms−1 in order,
    /// <c>acc = fma(weights[t·terms + j], rows[t·terms + j], acc)</c> in binary32 with one rounding per step, then one rounding to
    /// the row type (to nearest, ties to even). Terms whose entry in <paramref name="isPresent"/> is zero are skipped.
    /// </summary>
    /// <param name="rows">Rows <c>[tokens, terms, hidden]</c>.</param>
    /// <param name="weights">Weights <c>[tokens, terms]</c>.</param>
    /// <param name="isPresent">One byte per term, <c>[tokens, terms]</c>.</param>
    /// <param name="output">Receives <c>[tokens, hidden]</c>.</param>
    /// <param name="tokens">Number of tokens.</param>
    /// <param name="terms">Terms of each token.</param>
    /// <param name="hidden">Elements of a row.</param>
    void WeightedSum(EpBuffer rows, ReadOnlySpan<float> weights, ReadOnlySpan<byte> isPresent, EpBuffer output, int tokens, int terms, int hidden);

    /// <summary>
    /// Adds weighted rows into one row: starting from zero, for i in order, <c>acc = fma(weights[i], rows[indices[i]], acc)</c>,
    /// then one rounding to the row type. This is the pre-reduction on the experts' side.
    /// </summary>
    void Reduce(EpBuffer rows, ReadOnlySpan<int> indices, ReadOnlySpan<float> weights, EpBuffer output, int hidden);

    /// <summary>Copies raw bytes.</summary>
    void Copy(EpBuffer source, EpBuffer destination);
}
