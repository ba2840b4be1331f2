namespace ElasticEp.Samples.Serving;

/// <summary>What is added to the logit of a token.</summary>
/// <param name="Token">Token id.</param>
/// <param name="Bias">The addend.</param>
public readonly record struct TokenBias(int Token, float Bias);
