using System.Text.Json.Nodes;

namespace ElasticEp.Samples.Qwen3Moe;

/// <summary>
/// The model as a rank sees it: its configuration at once, its files only when a weight is asked for. A worker that the gateway has
/// started is given the configuration, so that one that gets everything from peers opens no file of the model.
/// </summary>
public sealed class ModelSource(Qwen3MoeConfig config, WeightType weightType, Func<Checkpoint> open)
{
    /// <summary>Environment variable in which the gateway passes the configuration.</summary>
    public const string ConfigVariable = "SERVER_MODEL_CONFIG";

    /// <summary>Environment variable in which the gateway passes how weights are stored.</summary>
    public const string WeightTypeVariable = "SERVER_MODEL_WEIGHT_TYPE";

    private readonly Lazy<Checkpoint> _checkpoint = new(open);

    /// <summary>What the model looks like.</summary>
    public Qwen3MoeConfig Config { get; } = config;

    /// <summary>How its weights are stored.</summary>
    public WeightType WeightType { get; } = weightType;

    /// <summary>A checkpoint that is open.</summary>
    public static ModelSource Of(Checkpoint checkpoint) => new(checkpoint.Config, checkpoint.WeightType, () => checkpoint);

    /// <summary>A folder, which is opened only if a weight is asked for or the gateway has not passed the configuration.</summary>
    /// <param name="directory">The folder.</param>
    /// <param name="generation">Gives further tokens that end a text, when the gateway has not passed the configuration.</param>
    /// <exception cref="ModelLoadException">The model cannot be used.</exception>
    public static ModelSource ForWorker(string directory, Func<GenerationConfig>? generation = null) =>
        Environment.GetEnvironmentVariable(ConfigVariable) is { } config && Enum.TryParse<WeightType>(Environment.GetEnvironmentVariable(WeightTypeVariable), out var type)
            ? new ModelSource(Qwen3MoeConfig.Parse(config), type, () => Checkpoint.Open(directory))
            : Of(Checkpoint.Open(directory, generation?.Invoke()));

    /// <summary>What the gateway passes: the text of <c>config.json</c>, with all tokens that end a text.</summary>
    /// <param name="directory">Folder of the model.</param>
    /// <param name="config">What was read there.</param>
    public static string Describe(string directory, Qwen3MoeConfig config)
    {
        ArgumentNullException.ThrowIfNull(config);
        var json = JsonNode.Parse(File.ReadAllText(Path.Combine(directory, "config.json")))!;
        json["eos_token_id"] = new JsonArray([.. config.EndTokens.Select(token => (JsonNode)token)]);
        return json.ToJsonString();
    }

    /// <summary>Reads one weight into memory of exactly its length.</summary>
    /// <exception cref="ModelLoadException">A file cannot be read.</exception>
    public void Read(string name, Span<byte> destination) => _checkpoint.Value.Read(name, destination);
}
