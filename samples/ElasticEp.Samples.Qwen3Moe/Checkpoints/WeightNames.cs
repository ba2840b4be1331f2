namespace ElasticEp.Samples.Qwen3Moe;

/// <summary>Names and shapes of the weights of a Qwen3-MoE model.</summary>
public static class WeightNames
{
    /// <summary>The token embedding <c>[vocabulary, hidden]</c>.</summary>
    public const string Embedding = "model.embed_tokens.weight";

    /// <summary>The last norm.</summary>
    public const string FinalNorm = "model.norm.weight";

    /// <summary>The head, unless it is tied to the embedding.</summary>
    public const string Head = "lm_head.weight";

    /// <summary>All weights that every rank holds.</summary>
    public static IEnumerable<WeightSpec> Dense(Qwen3MoeConfig config)
    {
        ArgumentNullException.ThrowIfNull(config);
        yield return new(Embedding, [config.VocabularySize, config.HiddenSize]);
        for (var layer = 0; layer < config.Layers; layer++)
        {
            yield return new(InLayer(layer, "input_layernorm"), [config.HiddenSize]);
            yield return new(InLayer(layer, "self_attn.q_proj"), [config.Heads * config.HeadSize, config.HiddenSize]);
            yield return new(InLayer(layer, "self_attn.k_proj"), [config.KeyValueHeads * config.HeadSize, config.HiddenSize]);
            yield return new(InLayer(layer, "self_attn.v_proj"), [config.KeyValueHeads * config.HeadSize, config.HiddenSize]);
            yield return new(InLayer(layer, "self_attn.o_proj"), [config.HiddenSize, config.Heads * config.HeadSize]);
            yield return new(InLayer(layer, "self_attn.q_norm"), [config.HeadSize]);
            yield return new(InLayer(layer, "self_attn.k_norm"), [config.HeadSize]);
            yield return new(InLayer(layer, "post_attention_layernorm"), [config.HiddenSize]);
            if (config.IsSparse(layer))
            {
                yield return new(InLayer(layer, "mlp.gate"), [config.Experts, config.HiddenSize]);
                continue;
            }

            yield return new(InLayer(layer, "mlp.gate_proj"), [config.InnerSize, config.HiddenSize]);
            yield return new(InLayer(layer, "mlp.up_proj"), [config.InnerSize, config.HiddenSize]);
            yield return new(InLayer(layer, "mlp.down_proj"), [config.HiddenSize, config.InnerSize]);
        }

        yield return new(FinalNorm, [config.HiddenSize]);
        if (!config.IsHeadTied)
            yield return new(Head, [config.VocabularySize, config.HiddenSize]);
    }

    /// <summary>The three weights of an expert: gate, up, down.</summary>
    /// <param name="config">The model.</param>
    /// <param name="moeLayer">Position among the sparse layers.</param>
    /// <param name="expert">The expert.</param>
    public static WeightSpec[] Expert(Qwen3MoeConfig config, int moeLayer, int expert)
    {
        ArgumentNullException.ThrowIfNull(config);
        var prefix = $"mlp.experts.{expert}.";
        var layer = config.SparseLayers[moeLayer];
        return
        [
            new(InLayer(layer, prefix + "gate_proj"), [config.ExpertInnerSize, config.HiddenSize]),
            new(InLayer(layer, prefix + "up_proj"), [config.ExpertInnerSize, config.HiddenSize]),
            new(InLayer(layer, prefix + "down_proj"), [config.HiddenSize, config.ExpertInnerSize]),
        ];
    }

    /// <summary>The two tensors that hold all experts of a layer in some checkpoints: gate and up, down.</summary>
    internal static (WeightSpec GateUp, WeightSpec Down) Fused(Qwen3MoeConfig config, int moeLayer)
    {
        var prefix = $"model.layers.{config.SparseLayers[moeLayer]}.mlp.experts.";
        return (
            new(prefix + "gate_up_proj", [config.Experts, 2 * config.ExpertInnerSize, config.HiddenSize]),
            new(prefix + "down_proj", [config.Experts, config.HiddenSize, config.ExpertInnerSize]));
    }

    internal static string InLayer(int layer, string name) => $"model.layers.{layer}.{name}.weight";
}
