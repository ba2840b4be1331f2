namespace ElasticEp.Samples.Qwen3Moe;

/// <summary>
/// Rotary position embedding in the half-split form, with inverse frequencies in float32. Sines are computed in double and
/// rounded once, and the table grows with the longest sequence seen.
/// </summary>
internal sealed class Rope
{
    private readonly Lock _lock = new();
    private readonly float[] _inverse;
    private readonly int _most;
    private volatile float[] _table = []; // [position, cos then sin of each half]

    public Rope(int headSize, float theta, int positions)
    {
        _inverse = [.. Enumerable.Range(0, headSize / 2).Select(i => 1f / (float)Math.Pow(theta, (float)(2 * i) / headSize))];
        _most = positions;
    }

    /// <summary>Makes sure that the positions below a length can be applied.</summary>
    public void Reserve(int length)
    {
        if (_table.Length >= length * 2 * _inverse.Length)
            return;
        lock (_lock)
        {
            var known = _table.Length / (2 * _inverse.Length);
            if (known >= length)
                return;
            var table = new float[Math.Min(_most, Math.Max(length, Math.Max(256, 2 * known))) * 2 * _inverse.Length];
            _table.CopyTo(table, 0);
            for (var position = known; position < table.Length / (2 * _inverse.Length); position++)
                Fill(position, table.AsSpan(position * 2 * _inverse.Length, 2 * _inverse.Length));
            _table = table;
        }
    }

    public void Apply(Span<float> head, int position)
    {
        var half = _inverse.Length;
        var cos = _table.AsSpan(position * 2 * half, half);
        var sin = _table.AsSpan((position * 2 * half) + half, half);
        var lower = head[..half];
        var upper = head.Slice(half, half);
        for (var i = 0; i < half; i++)
        {
            var (a, b) = (lower[i], upper[i]);
            lower[i] = (a * cos[i]) - (b * sin[i]);
            upper[i] = (b * cos[i]) + (a * sin[i]);
        }
    }

    private void Fill(int position, Span<float> row)
    {
        for (var i = 0; i < _inverse.Length; i++)
        {
            double angle = position * _inverse[i]; // rounded to float32, as published implementations do
            (row[i], row[_inverse.Length + i]) = ((float)Math.Cos(angle), (float)Math.Sin(angle));
        }
    }
}
