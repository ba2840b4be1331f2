using ElasticEp.Samples.Qwen3Moe;
using ElasticEp.Samples.Serving;

namespace ElasticEp.Samples.Server;

/// <summary>The model that is served.</summary>
/// <param name="Id">As answers name it.</param>
/// <param name="Root">Where it came from.</param>
/// <param name="Config">What it looks like.</param>
/// <param name="Limits">What each rank has room for.</param>
internal sealed record ServedModel(string Id, string Root, Qwen3MoeConfig Config, ModelLimits Limits)
{
    public long Created { get; } = TimeProvider.System.GetUtcNow().ToUnixTimeSeconds();

    /// <summary>All names that requests may give.</summary>
    public IReadOnlyList<string> Names { get; init; } = [Id];

    /// <summary>How tokens are drawn when a request does not say.</summary>
    public GenerationConfig Generation { get; init; } = new();

    /// <summary>How conversations become prompts.</summary>
    public ChatTemplate Chat { get; init; } = ChatTemplate.Instruct;

    /// <summary>A model with the name of its folder.</summary>
    public static ServedModel Of(string directory, Qwen3MoeConfig config, ModelLimits limits) => new(FolderName(directory), directory, config, limits);

    /// <summary>A model as the settings want it served.</summary>
    /// <exception cref="ModelLoadException">Its chat template is not known.</exception>
    public static ServedModel Of(ServerSettings settings, Qwen3MoeConfig config, ModelLimits limits, GenerationConfig generation)
    {
        IReadOnlyList<string> names = settings.ServedModelNames.Count > 0 ? settings.ServedModelNames : [FolderName(settings.ModelDirectory)];
        return new ServedModel(names[0], settings.ModelDirectory, config, limits)
        {
            Names = names,
            Generation = generation,
            Chat = ChatTemplateFile.Find(settings.ModelDirectory, settings.ChatTemplateKind),
        };
    }

    /// <summary>Whether a request means this model by a name.</summary>
    public bool IsNamed(string name) => Names.Contains(name, StringComparer.Ordinal) || name == Root;

    private static string FolderName(string directory) => Path.GetFileName(Path.TrimEndingDirectorySeparator(directory));
}
