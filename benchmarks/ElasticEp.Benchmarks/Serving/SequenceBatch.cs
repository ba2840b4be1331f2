using System.Diagnostics;
using ElasticEp.Samples.Qwen3Moe;
using ElasticEp.Samples.Serving;

namespace ElasticEp.Benchmarks.Serving;

/// <summary>
/// Sequences that generate together: first all prompts, in steps of as many tokens as the workspace has room for, then a token of
/// each sequence in every step. Greedy. The same for both sides of a comparison; only the experts differ.
/// </summary>
internal sealed class SequenceBatch
{
    private const int LogitRows = 16; // sampled together, as the server does

    private readonly Qwen3MoeModel _model;
    private readonly ForwardWorkspace _workspace;
    private readonly KvCache[] _caches;
    private readonly int[][] _tokens;
    private readonly int[] _lengths;
    private readonly int[] _computed;
    private readonly int _promptLength;
    private readonly List<int> _members = []; // sequence of each chunk
    private readonly List<SequenceChunk> _chunks = [];
    private readonly List<int> _sampled = []; // of each chunk; −1 while a prompt is not through
    private readonly int[] _rows = new int[LogitRows];
    private readonly float[] _logits;

    /// <param name="model">The model.</param>
    /// <param name="workspace">Memory of its forward passes.</param>
    /// <param name="pool">Memory of the sequences; given back by <see cref="End"/>.</param>
    /// <param name="shape">How many sequences, how long.</param>
    /// <param name="seed">Seed of the prompts.</param>
    public SequenceBatch(Qwen3MoeModel model, ForwardWorkspace workspace, KvCachePool pool, BatchShape shape, int seed)
    {
        (_model, _workspace, _promptLength) = (model, workspace, shape.PromptLength);
        var random = new Random(seed);
        _caches = [.. Enumerable.Range(0, shape.Sequences).Select(_ => new KvCache(pool))];
        _tokens = [.. _caches.Select(_ => new int[shape.PromptLength + shape.OutputLength])];
        foreach (var tokens in _tokens)
        {
            for (var i = 0; i < shape.PromptLength; i++)
                tokens[i] = random.Next(model.Config.VocabularySize);
        }

        _lengths = [.. _tokens.Select(_ => shape.PromptLength)];
        _computed = new int[shape.Sequences];
        _logits = new float[LogitRows * model.Config.VocabularySize];
    }

    /// <summary>Timestamp at which the last prompt was through.</summary>
    public long PromptsDoneAt { get; private set; }

    /// <summary>Timestamp at which the last token was there.</summary>
    public long DoneAt { get; private set; }

    public bool IsDone => DoneAt != 0;

    /// <summary>All tokens that were generated.</summary>
    public IEnumerable<int> Generated => _tokens.SelectMany(tokens => tokens.Skip(_promptLength));

    public void Plan()
    {
        _chunks.Clear();
        _members.Clear();
        var (room, isPrefill) = (_workspace.MaxTokens, PromptsDoneAt == 0);
        for (var i = 0; i < _caches.Length && room > 0; i++)
        {
            var count = Math.Min(_lengths[i] - _computed[i], room);
            if (count == 0 || (isPrefill && _lengths[i] > _promptLength))
                continue;
            _members.Add(i);
            _chunks.Add(new SequenceChunk(_caches[i], _tokens[i].AsMemory(_computed[i], count), _computed[i]));
            room -= count;
        }
    }

    public ValueTask ForwardAsync(IMoeLayer experts, CancellationToken cancellationToken) => _model.ForwardAsync(_chunks, _workspace, experts, cancellationToken);

    public void Sample()
    {
        _sampled.Clear();
        var (row, from) = (-1, 0);
        while (from < _chunks.Count)
        {
            var (to, count) = (from, 0);
            for (; to < _chunks.Count && count < LogitRows; to++)
            {
                row += _chunks[to].Tokens.Length;
                if (IsThrough(to))
                    _rows[count++] = row;
            }

            _model.ComputeLogits(_workspace, _rows.AsSpan(0, count), _logits);
            var size = _model.Config.VocabularySize;
            for (count = 0; from < to; from++)
                _sampled.Add(IsThrough(from) ? Sampler.Sample(_logits.AsSpan(size * count++, size), SamplingSettings.Greedy, 0) : -1);
        }
    }

    public void Release()
    {
        for (var i = 0; i < _members.Count; i++)
        {
            var sequence = _members[i];
            _computed[sequence] += _chunks[i].Tokens.Length;
            if (_sampled[i] >= 0)
                _tokens[sequence][_lengths[sequence]++] = _sampled[i];
        }

        if (PromptsDoneAt == 0 && _lengths.All(length => length > _promptLength))
            PromptsDoneAt = Stopwatch.GetTimestamp();
        if (_lengths[^1] == _tokens[^1].Length && DoneAt == 0 && PromptsDoneAt != 0)
            DoneAt = Stopwatch.GetTimestamp();
    }

    /// <summary>Gives the memory of the sequences back.</summary>
    public void End()
    {
        foreach (var cache in _caches)
            cache.Dispose();
    }

    private bool IsThrough(int chunk) => _chunks[chunk].Start + _chunks[chunk].Tokens.Length == _lengths[_members[chunk]];
}
