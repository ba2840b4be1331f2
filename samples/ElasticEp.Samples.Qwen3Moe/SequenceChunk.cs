namespace ElasticEp.Samples.Qwen3Moe;

/// <summary>Some tokens of one sequence that go through the model together.</summary>
/// <param name="Cache">The sequence's cache; it holds all positions before <paramref name="Start"/>.</param>
/// <param name="Tokens">Token ids.</param>
/// <param name="Start">Position of the first of them.</param>
public readonly record struct SequenceChunk(KvCache Cache, ReadOnlyMemory<int> Tokens, int Start);
