namespace ElasticEp.Samples.Qwen3Moe;

/// <summary>Memory of a forward pass, made once for the largest batch. One forward pass at a time.</summary>
public sealed class ForwardWorkspace
{
    private readonly Qwen3MoeConfig _config;
    private float[] _scores = [];

    /// <summary>Makes room for batches of up to <paramref name="maxTokens"/> tokens.</summary>
    public ForwardWorkspace(Qwen3MoeConfig config, int maxTokens)
    {
        ArgumentNullException.ThrowIfNull(config);
        (_config, MaxTokens) = (config, maxTokens);
        var (queries, pairs) = (config.Heads * config.HeadSize, config.KeyValueHeads * config.HeadSize);
        Hidden = new float[maxTokens * config.HiddenSize];
        Normed = new float[maxTokens * config.HiddenSize];
        Added = new float[maxTokens * config.HiddenSize];
        Queries = new float[maxTokens * queries];
        Attended = new float[maxTokens * queries];
        Keys = new float[maxTokens * pairs];
        Values = new float[maxTokens * pairs];
        TopkIds = new int[maxTokens * config.TopK];
        TopkWeights = new float[maxTokens * config.TopK];
        Router = new float[maxTokens * config.Experts];
    }

    /// <summary>Most tokens of a batch.</summary>
    public int MaxTokens { get; }

    /// <summary>Tokens of the batch in it.</summary>
    public int Rows { get; private set; }

    internal IReadOnlyList<SequenceChunk> Batch { get; private set; } = [];

    internal float[] Hidden { get; }

    internal float[] Normed { get; }

    internal float[] Added { get; }

    internal float[] Queries { get; }

    internal float[] Attended { get; }

    internal float[] Keys { get; }

    internal float[] Values { get; }

    internal int[] TopkIds { get; }

    internal float[] TopkWeights { get; }

    internal float[] Router { get; }

    internal float[] InnerGate { get; private set; } = [];

    internal float[] InnerUp { get; private set; } = [];

    /// <summary>Takes a batch and checks it before anything is written.</summary>
    internal void Begin(IReadOnlyList<SequenceChunk> batch)
    {
        var rows = 0;
        for (var i = 0; i < batch.Count; i++)
        {
            var chunk = batch[i];
            if (chunk.Start < 0 || chunk.Start > chunk.Cache.Length)
                throw new ArgumentException($"A chunk starts at {chunk.Start}, its cache holds {chunk.Cache.Length} positions.", nameof(batch));
            rows += chunk.Tokens.Length;
            foreach (var token in chunk.Tokens.Span)
            {
                if (token < 0 || token >= _config.VocabularySize)
                    throw new ArgumentException($"Token {token} is outside the vocabulary of {_config.VocabularySize}.", nameof(batch));
            }

            if (chunk.Start + chunk.Tokens.Length > _config.MaxPositions)
                throw new ArgumentException($"A sequence of {chunk.Start + chunk.Tokens.Length} tokens is longer than the model's {_config.MaxPositions}.", nameof(batch));
        }

        if (rows > MaxTokens)
            throw new ArgumentException($"The batch has {rows} tokens, the workspace room for {MaxTokens}.", nameof(batch));
        (Batch, Rows) = (batch, rows);
    }

    internal Span<float> ReserveScores(int length)
    {
        if (_scores.Length < length)
            _scores = new float[Math.Max(length, 2 * _scores.Length)];
        return _scores.AsSpan(0, length);
    }

    internal void ReserveInner(int length)
    {
        if (InnerGate.Length < length)
            (InnerGate, InnerUp) = (new float[length], new float[length]);
    }
}
