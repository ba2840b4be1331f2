using System.Text.Json;

namespace ElasticEp.Samples.Qwen3Moe;

/// <summary>What a checkpoint's <c>generation_config.json</c> says: which tokens end a text, and how tokens are drawn when a request does not say.</summary>
public sealed record GenerationConfig
{
    /// <summary>Name of the file.</summary>
    public const string FileName = "generation_config.json";

    /// <summary>Tokens that end a text, beside those of <c>config.json</c>.</summary>
    public IReadOnlyList<int> EndTokens { get; init; } = [];

    /// <summary>Temperature; null when the file says nothing, like all others.</summary>
    public float? Temperature { get; init; }

    /// <summary>Only the best tokens that together have this probability.</summary>
    public float? TopP { get; init; }

    /// <summary>Only so many of the best tokens; 0 = all.</summary>
    public int? TopK { get; init; }

    /// <summary>Only tokens with at least this part of the best one's probability.</summary>
    public float? MinP { get; init; }

    /// <summary>By how much tokens of the prompt and the text so far are held back.</summary>
    public float? RepetitionPenalty { get; init; }

    /// <summary>Most tokens of an answer.</summary>
    public int? MaxNewTokens { get; init; }

    /// <summary>Reads the file of a folder; one that has none says nothing.</summary>
    /// <exception cref="ModelLoadException">It is malformed.</exception>
    public static GenerationConfig Load(string directory)
    {
        var path = Path.Combine(directory, FileName);
        if (!File.Exists(path))
            return new GenerationConfig();
        try
        {
            using var document = JsonDocument.Parse(File.ReadAllBytes(path));
            return Read(new ConfigReader(path, document.RootElement));
        }
        catch (JsonException exception)
        {
            throw new ModelLoadException($"{path} is not valid JSON: {exception.Message}", exception);
        }
    }

    /// <summary>The same without what it says of drawing tokens.</summary>
    public GenerationConfig WithoutSampling() => new() { EndTokens = EndTokens };

    private static GenerationConfig Read(ConfigReader json) => new()
    {
        EndTokens = json.Numbers("eos_token_id"),
        Temperature = (float?)json.Between("temperature", 0, 2),
        TopP = (float?)json.Between("top_p", 1e-9, 1),
        TopK = json.Between("top_k", -1, int.MaxValue) is { } topK ? Math.Max(0, (int)topK) : null,
        MinP = (float?)json.Between("min_p", 0, 1),
        RepetitionPenalty = (float?)json.Between("repetition_penalty", 1e-9, float.MaxValue),
        MaxNewTokens = json.Has("max_new_tokens") ? json.Number("max_new_tokens") : null,
    };
}
