namespace ElasticEp.Samples.Qwen3Moe;

/// <summary>Names of the weights of a layer, made once.</summary>
internal sealed class LayerNames(int layer)
{
    public string AttentionNorm { get; } = WeightNames.InLayer(layer, "input_layernorm");

    public string Query { get; } = WeightNames.InLayer(layer, "self_attn.q_proj");

    public string Key { get; } = WeightNames.InLayer(layer, "self_attn.k_proj");

    public string Value { get; } = WeightNames.InLayer(layer, "self_attn.v_proj");

    public string Output { get; } = WeightNames.InLayer(layer, "self_attn.o_proj");

    public string QueryNorm { get; } = WeightNames.InLayer(layer, "self_attn.q_norm");

    public string KeyNorm { get; } = WeightNames.InLayer(layer, "self_attn.k_norm");

    public string MlpNorm { get; } = WeightNames.InLayer(layer, "post_attention_layernorm");

    public string Router { get; } = WeightNames.InLayer(layer, "mlp.gate");

    public string Gate { get; } = WeightNames.InLayer(layer, "mlp.gate_proj");

    public string Up { get; } = WeightNames.InLayer(layer, "mlp.up_proj");

    public string Down { get; } = WeightNames.InLayer(layer, "mlp.down_proj");
}
