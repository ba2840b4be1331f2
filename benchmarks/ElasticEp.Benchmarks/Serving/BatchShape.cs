namespace ElasticEp.Benchmarks.Serving;

/// <summary>Sequences of a batch.</summary>
/// <param name="Sequences">How many.</param>
/// <param name="PromptLength">Tokens of each prompt.</param>
/// <param name="OutputLength">Tokens that each generates, at least 2.</param>
internal readonly record struct BatchShape(int Sequences, int PromptLength, int OutputLength);
