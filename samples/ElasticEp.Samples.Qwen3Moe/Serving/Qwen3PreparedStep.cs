using ElasticEp.Samples.Serving;

namespace ElasticEp.Samples.Qwen3Moe;

/// <summary>A step's chunks as the model takes them, and what an attempt has sampled.</summary>
internal sealed class Qwen3PreparedStep(StepBatch batch, IReadOnlyList<Qwen3Sequence> sequences) : PreparedStep(batch)
{
    /// <summary>The sequence of each chunk.</summary>
    public IReadOnlyList<Qwen3Sequence> Sequences => sequences;

    public IReadOnlyList<SequenceChunk> Chunks { get; } = [.. batch.Chunks.Zip(sequences, (chunk, sequence) => new SequenceChunk(sequence.Cache, chunk.Tokens, chunk.Start))];

    public List<SampledToken> Sampled { get; } = [];
}
