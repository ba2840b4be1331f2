namespace ElasticEp.Samples.Bench.Options;

/// <summary>Where prompts come from.</summary>
internal enum DatasetKind
{
    /// <summary>Runs of token ids from a random one on.</summary>
    Random,

    /// <summary>Pieces of prose and code, whose routing is as skewed as that of real requests.</summary>
    Text,
}
