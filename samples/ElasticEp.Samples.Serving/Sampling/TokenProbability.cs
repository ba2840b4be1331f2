namespace ElasticEp.Samples.Serving;

/// <summary>A token and the natural logarithm of its probability, before temperature, adjustments and cuts.</summary>
/// <param name="Token">Token id.</param>
/// <param name="LogProbability">Zero or negative.</param>
/// <param name="Rank">1 for the most probable token (of equals the lower id), and so on; 0 when nobody has counted.</param>
public readonly record struct TokenProbability(int Token, float LogProbability, int Rank = 0);
