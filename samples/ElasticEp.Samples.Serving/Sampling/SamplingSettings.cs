namespace ElasticEp.Samples.Serving;

/// <summary>How tokens are drawn.</summary>
/// <param name="Temperature">0 takes the best token; the others are ignored then.</param>
/// <param name="Seed">Seed of the draws.</param>
/// <param name="TopK">Only so many of the best tokens; 0 = all.</param>
/// <param name="TopP">Only the best tokens that together have this probability; 1 = all.</param>
/// <param name="MinP">Only tokens with at least this part of the best one's probability; 0 = all.</param>
public readonly record struct SamplingSettings(float Temperature, ulong Seed, int TopK = 0, float TopP = 1, float MinP = 0)
{
    /// <summary>The best token always.</summary>
    public static SamplingSettings Greedy => default(SamplingSettings) with { TopP = 1 };
}
