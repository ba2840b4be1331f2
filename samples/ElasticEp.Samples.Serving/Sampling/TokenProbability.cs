namespace ElasticEp.Samples.Serving;

/// <summary>A token and the natural logarithm of its probability, before temperature and cuts.</summary>
/// <param name="Token">Token id.</param>
/// <param name="LogProbability">Zero or negative.</param>
public readonly record struct TokenProbability(int Token, float LogProbability);
