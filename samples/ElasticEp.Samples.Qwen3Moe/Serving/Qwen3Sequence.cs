using ElasticEp.Samples.Serving;

namespace ElasticEp.Samples.Qwen3Moe;

/// <summary>A sequence in a slot.</summary>
/// <param name="Start">How it began.</param>
/// <param name="Cache">Its keys and values.</param>
internal sealed record Qwen3Sequence(SequenceStart Start, KvCache Cache);
