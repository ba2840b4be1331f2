namespace ElasticEp.Samples.Qwen3Moe;

/// <summary>Runs the experts of one MoE layer, wherever they are. Called for every MoE layer, also with zero tokens.</summary>
public interface IMoeLayer
{
    /// <param name="moeLayer">Position among the sparse layers.</param>
    /// <param name="hidden">Rows <c>[tokens, hidden]</c>.</param>
    /// <param name="topkIds">Experts <c>[tokens, k]</c>.</param>
    /// <param name="topkWeights">Weights <c>[tokens, k]</c>.</param>
    /// <param name="output">Receives <c>[tokens, hidden]</c>.</param>
    /// <param name="cancellationToken">Ends the attempt.</param>
    ValueTask ForwardAsync(int moeLayer, Memory<float> hidden, Memory<int> topkIds, Memory<float> topkWeights, Memory<float> output, CancellationToken cancellationToken);
}
