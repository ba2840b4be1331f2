namespace ElasticEp.Samples.Qwen3Moe;

/// <summary>The small checkpoint that comes with the samples.</summary>
public static class EmbeddedModel
{
    /// <summary>Its folder, beside the program.</summary>
    public static string Directory => Path.Combine(AppContext.BaseDirectory, "Models", "tiny-qwen3-moe");
}
