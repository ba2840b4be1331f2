namespace ElasticEp.Samples.Qwen3Moe;

/// <summary>Rotary position embedding in the half-split form, with inverse frequencies in float32.</summary>
internal sealed class Rope
{
    private readonly int _half;
    private readonly float[] _cos; // [position, half]
    private readonly float[] _sin;

    public Rope(int headSize, float theta, int positions)
    {
        _half = headSize / 2;
        (_cos, _sin) = (new float[positions * _half], new float[positions * _half]);
        for (var i = 0; i < _half; i++)
        {
            var inverse = 1f / MathF.Pow(theta, 2f * i / headSize);
            for (var position = 0; position < positions; position++)
            {
                var angle = position * inverse;
                _cos[(position * _half) + i] = MathF.Cos(angle);
                _sin[(position * _half) + i] = MathF.Sin(angle);
            }
        }
    }

    public void Apply(Span<float> head, int position)
    {
        var cos = _cos.AsSpan(position * _half, _half);
        var sin = _sin.AsSpan(position * _half, _half);
        for (var i = 0; i < _half; i++)
        {
            var (a, b) = (head[i], head[i + _half]);
            head[i] = (a * cos[i]) - (b * sin[i]);
            head[i + _half] = (b * cos[i]) + (a * sin[i]);
        }
    }
}
