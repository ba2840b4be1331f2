namespace ElasticEp.Samples.Qwen3Moe;

/// <summary>Keys and values of one sequence. Writing a position twice gives the same content, so a step can be run again.</summary>
public sealed class KvCache
{
    private readonly int _width;
    private readonly float[][] _keys;
    private readonly float[][] _values;

    /// <summary>Creates an empty cache.</summary>
    public KvCache(Qwen3MoeConfig config)
    {
        ArgumentNullException.ThrowIfNull(config);
        _width = config.KeyValueHeads * config.HeadSize;
        _keys = [.. Enumerable.Range(0, config.Layers).Select(_ => Array.Empty<float>())];
        _values = [.. Enumerable.Range(0, config.Layers).Select(_ => Array.Empty<float>())];
    }

    internal Span<float> Key(int layer, int position) => _keys[layer].AsSpan(position * _width, _width);

    internal Span<float> Value(int layer, int position) => _values[layer].AsSpan(position * _width, _width);

    internal void Reserve(int positions)
    {
        var length = positions * _width;
        for (var layer = 0; layer < _keys.Length; layer++)
        {
            if (_keys[layer].Length >= length)
                continue;
            var capacity = Math.Max(length, Math.Max(64 * _width, _keys[layer].Length * 2));
            Array.Resize(ref _keys[layer], capacity);
            Array.Resize(ref _values[layer], capacity);
        }
    }
}
