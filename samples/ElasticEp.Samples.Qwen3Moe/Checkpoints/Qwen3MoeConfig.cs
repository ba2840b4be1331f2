using System.Text.Json;

namespace ElasticEp.Samples.Qwen3Moe;

/// <summary>What a Qwen3-MoE checkpoint's <c>config.json</c> says, in either of its spellings.</summary>
public sealed record Qwen3MoeConfig
{
    private const string Architecture = "Qwen3MoeForCausalLM";

    /// <summary>Elements of a hidden row.</summary>
    public required int HiddenSize { get; init; }

    /// <summary>Decoder layers.</summary>
    public required int Layers { get; init; }

    /// <summary>Query heads.</summary>
    public required int Heads { get; init; }

    /// <summary>Key and value heads; divides <see cref="Heads"/>.</summary>
    public required int KeyValueHeads { get; init; }

    /// <summary>Elements of a head.</summary>
    public required int HeadSize { get; init; }

    /// <summary>Inner size of a dense MLP.</summary>
    public required int InnerSize { get; init; }

    /// <summary>Inner size of an expert.</summary>
    public required int ExpertInnerSize { get; init; }

    /// <summary>Experts of a sparse layer.</summary>
    public required int Experts { get; init; }

    /// <summary>Experts that a token uses.</summary>
    public required int TopK { get; init; }

    /// <summary>Whether the top-k weights are scaled to sum to one.</summary>
    public bool NormalizeTopK { get; init; }

    /// <summary>Tokens of the vocabulary.</summary>
    public required int VocabularySize { get; init; }

    /// <summary>Longest sequence.</summary>
    public required int MaxPositions { get; init; }

    /// <summary>Epsilon of the norms.</summary>
    public float NormEpsilon { get; init; } = 1e-6f;

    /// <summary>Base of the rotary embedding.</summary>
    public float RopeTheta { get; init; } = 10_000f;

    /// <summary>Whether the head shares the embedding.</summary>
    public bool IsHeadTied { get; init; }

    /// <summary>Every how many layers one is sparse.</summary>
    public int SparseStep { get; init; } = 1;

    /// <summary>Layers that are dense whatever <see cref="SparseStep"/> says.</summary>
    public IReadOnlyList<int> DenseLayers { get; init; } = [];

    /// <summary>Tokens that end a text.</summary>
    public IReadOnlyList<int> EndTokens { get; init; } = [];

    /// <summary>Decoder layers that have experts, ascending; their position here is the MoE layer number.</summary>
    public IReadOnlyList<int> SparseLayers => [.. Enumerable.Range(0, Layers).Where(IsSparse)];

    /// <summary>Whether a decoder layer has experts.</summary>
    public bool IsSparse(int layer) => !DenseLayers.Contains(layer) && Experts > 0 && (layer + 1) % SparseStep == 0;

    /// <summary>The same with further tokens that end a text.</summary>
    public Qwen3MoeConfig With(GenerationConfig generation)
    {
        ArgumentNullException.ThrowIfNull(generation);
        return this with { EndTokens = [.. EndTokens.Union(generation.EndTokens)] };
    }

    /// <summary>Reads <c>config.json</c> in a folder.</summary>
    /// <exception cref="ModelLoadException">It is missing, malformed, or of a model that is not supported.</exception>
    public static Qwen3MoeConfig Load(string directory)
    {
        var path = Path.Combine(directory, "config.json");
        if (!File.Exists(path))
            throw new ModelLoadException($"{path} does not exist; give --model the folder of a Hugging Face Qwen3-MoE checkpoint.");
        return Parse(File.ReadAllText(path), path);
    }

    /// <summary>Reads the text of a <c>config.json</c>.</summary>
    /// <param name="json">The text.</param>
    /// <param name="name">Where it is from, for errors.</param>
    /// <exception cref="ModelLoadException">It is malformed, or of a model that is not supported.</exception>
    public static Qwen3MoeConfig Parse(string json, string name = "config.json")
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            return Read(new ConfigReader(name, document.RootElement));
        }
        catch (JsonException exception)
        {
            throw new ModelLoadException($"{name} is not valid JSON: {exception.Message}", exception);
        }
    }

    private static Qwen3MoeConfig Read(ConfigReader json)
    {
        var architecture = json.FirstText("architectures") ?? json.Text("model_type");
        if (architecture is not (Architecture or "qwen3_moe"))
            throw json.Error($"the architecture is '{architecture ?? "missing"}'; only {Architecture} is supported");
        var ropeType = json.Text("rope_parameters", "rope_type") ?? json.Text("rope_scaling", "rope_type") ?? json.Text("rope_scaling", "type") ?? "default";
        if (ropeType != "default")
            throw json.Error($"rope scaling '{ropeType}' is not supported");
        if (json.Flag("use_sliding_window"))
            throw json.Error("a sliding window is not supported");
        if (json.Flag("attention_bias"))
            throw json.Error("biases in attention are not supported");
        if (json.Text("hidden_act") is { } activation and not "silu")
            throw json.Error($"hidden_act '{activation}' is not supported; silu is");
        var hidden = json.Number("hidden_size");
        var heads = json.Number("num_attention_heads");
        var config = new Qwen3MoeConfig
        {
            HiddenSize = hidden,
            Layers = json.Number("num_hidden_layers"),
            Heads = heads,
            KeyValueHeads = json.Number("num_key_value_heads", heads),
            HeadSize = json.Number("head_dim", hidden / Math.Max(1, heads)),
            InnerSize = json.Number("intermediate_size"),
            ExpertInnerSize = json.Number("moe_intermediate_size"),
            Experts = json.Has("num_local_experts") ? json.Number("num_local_experts") : json.Number("num_experts"),
            TopK = json.Number("num_experts_per_tok"),
            NormalizeTopK = json.Flag("norm_topk_prob"),
            VocabularySize = json.Number("vocab_size"),
            MaxPositions = json.Number("max_position_embeddings"),
            NormEpsilon = (float)(json.Real("rms_norm_eps") ?? 1e-6),
            RopeTheta = (float)(json.Real("rope_parameters", "rope_theta") ?? json.Real("rope_theta") ?? 10_000),
            IsHeadTied = json.Flag("tie_word_embeddings"),
            SparseStep = json.Number("decoder_sparse_step", 1),
            DenseLayers = json.Numbers("mlp_only_layers"),
            EndTokens = json.Numbers("eos_token_id"),
        };
        if (config.Heads % config.KeyValueHeads != 0 || config.HeadSize % 2 != 0 || config.TopK > config.Experts)
            throw json.Error($"{config.Heads} heads over {config.KeyValueHeads} key-value heads of {config.HeadSize}, top-{config.TopK} of {config.Experts} experts do not fit together");
        return config;
    }
}
