namespace ElasticEp.Samples.Qwen3Moe;

/// <summary>Grouped-query attention with normed queries and keys.</summary>
public sealed partial class Qwen3MoeModel
{
    private void Attend(int layer, ForwardWorkspace workspace)
    {
        var names = _layers[layer];
        var (rows, queries, pairs) = (workspace.Rows, Config.Heads * Config.HeadSize, Config.KeyValueHeads * Config.HeadSize);
        NormRows(names.AttentionNorm, workspace);
        _arithmetic.MatMul(workspace.Normed, rows, Matrix(names.Query, queries, Config.HiddenSize), workspace.Queries);
        _arithmetic.MatMul(workspace.Normed, rows, Matrix(names.Key, pairs, Config.HiddenSize), workspace.Keys);
        _arithmetic.MatMul(workspace.Normed, rows, Matrix(names.Value, pairs, Config.HiddenSize), workspace.Values);
        var row = 0;
        for (var sequence = 0; sequence < workspace.Batch.Count; sequence++)
        {
            var chunk = workspace.Batch[sequence];
            for (var i = 0; i < chunk.Tokens.Length; i++)
                Store(layer, names, chunk, i, row + i, workspace);
            for (var i = 0; i < chunk.Tokens.Length; i++)
                AttendRow(layer, chunk.Cache, chunk.Start + i, row + i, workspace);
            row += chunk.Tokens.Length;
        }

        _arithmetic.MatMul(workspace.Attended, rows, Matrix(names.Output, Config.HiddenSize, queries), workspace.Added);
        _arithmetic.Add(workspace.Hidden.AsSpan(0, rows * Config.HiddenSize), workspace.Added);
    }

    /// <summary>Norms and rotates the queries and the key of a row, and writes key and value into the cache.</summary>
    private void Store(int layer, LayerNames names, in SequenceChunk chunk, int index, int row, ForwardWorkspace workspace)
    {
        var (size, width, position) = (Config.HeadSize, Config.KeyValueHeads * Config.HeadSize, chunk.Start + index);
        for (var head = 0; head < Config.Heads; head++)
            NormAndRotate(workspace.Queries.AsSpan((row * Config.Heads * size) + (head * size), size), _norms[names.QueryNorm], position);
        var key = workspace.Keys.AsSpan(row * width, width);
        for (var head = 0; head < Config.KeyValueHeads; head++)
            NormAndRotate(key.Slice(head * size, size), _norms[names.KeyNorm], position);
        chunk.Cache.Write(layer, position, key, workspace.Values.AsSpan(row * width, width));
    }

    private void NormAndRotate(Span<float> head, float[] norm, int position)
    {
        _arithmetic.RmsNorm(head, norm, Config.NormEpsilon, head);
        _rope.Apply(head, position);
    }

    /// <summary>One row against all positions up to its own, whatever the cache holds beyond.</summary>
    private void AttendRow(int layer, KvCache cache, int position, int row, ForwardWorkspace workspace)
    {
        var (size, group) = (Config.HeadSize, Config.Heads / Config.KeyValueHeads);
        var scores = workspace.ReserveScores(2 * KvCachePool.PagesOf(position + 1) * KvCachePool.PageSize);
        for (var pair = 0; pair < Config.KeyValueHeads; pair++)
        {
            var (at, length) = ((row * Config.Heads * size) + (pair * group * size), group * size);
            _arithmetic.Attend(workspace.Queries.AsSpan(at, length), group, cache, layer, pair, scores, position + 1, workspace.Attended.AsSpan(at, length));
        }
    }
}
