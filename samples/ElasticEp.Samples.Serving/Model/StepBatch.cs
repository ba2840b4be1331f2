namespace ElasticEp.Samples.Serving;

/// <summary>What one step computes on one rank. Its rows are the tokens of its chunks, chunk after chunk.</summary>
public sealed class StepBatch
{
    private readonly List<StepChunk> _chunks = [];

    /// <summary>At most one chunk for each slot.</summary>
    public IReadOnlyList<StepChunk> Chunks => _chunks;

    /// <summary>Tokens of all chunks.</summary>
    public int Rows { get; private set; }

    internal void Add(in StepChunk chunk)
    {
        _chunks.Add(chunk);
        Rows += chunk.Count;
    }
}
