namespace ElasticEp.Benchmarks.Steps;

/// <summary>The model whose rows travel, and nothing is computed: the server sample's own, by its sizes.</summary>
internal static class StepShape
{
    public const int MaxTokens = 64;

    public static MoeModelShape Model => new() { MoeLayers = 4, Experts = 32, TopK = 4, HiddenSize = 128, RowType = ElementType.Float32 };
}
