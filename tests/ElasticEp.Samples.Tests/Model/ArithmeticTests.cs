using ElasticEp.Samples.Qwen3Moe;

namespace ElasticEp.Samples.Tests.Model;

public sealed class ArithmeticTests
{
    private const int Seed = 11;

    public static TheoryData<int> Lengths => [1, 2, 7, 15, 16, 17, 31, 32, 33, 48, 64, 100, 128, 250];

    [Theory]
    [MemberData(nameof(Lengths))]
    public void Every_vector_width_gives_the_same_bits(int length)
    {
        var random = new Random(Seed);
        var (x, weights) = (Floats(random, 5 * length, 4), Floats(random, 6 * length, 1));
        var bfloats = Bytes(weights, WeightType.BFloat16);
        var floats = Bytes(weights, WeightType.Float32);
        var expected = All(Arithmetic.For(VectorWidth.Scalar), x, bfloats, floats, length);
        foreach (var width in Enum.GetValues<VectorWidth>())
            Assert.True(expected.AsSpan().SequenceEqual(All(Arithmetic.For(width), x, bfloats, floats, length)), $"{width}, length {length}, seed {Seed}");
    }

    [Fact]
    public void A_row_of_a_product_does_not_depend_on_the_other_rows()
    {
        var random = new Random(Seed);
        const int columns = 128, outputs = 70, rows = 23;
        var x = Floats(random, rows * columns, 1);
        var w = Bytes(Floats(random, outputs * columns, 1), WeightType.BFloat16);
        var together = new float[rows * outputs];
        Arithmetic.Widest.MatMul(x, rows, new WeightMatrix(w, WeightType.BFloat16, outputs, columns), together);
        var alone = new float[outputs];
        for (var row = 0; row < rows; row++)
        {
            Arithmetic.Widest.MatMul(x.AsSpan(row * columns, columns), 1, new WeightMatrix(w, WeightType.BFloat16, outputs, columns), alone);
            Assert.Equal(Bits(alone), Bits(together.AsSpan(row * outputs, outputs)));
        }
    }

    [Fact]
    public void A_product_is_close_to_the_one_in_double()
    {
        var random = new Random(Seed);
        const int columns = 100, outputs = 9, rows = 6;
        var (x, w, y) = (Floats(random, rows * columns, 1), Floats(random, outputs * columns, 1), new float[rows * outputs]);
        Arithmetic.Widest.MatMul(x, rows, new WeightMatrix(Bytes(w, WeightType.Float32), WeightType.Float32, outputs, columns), y);
        for (var i = 0; i < y.Length; i++)
        {
            var exact = Enumerable.Range(0, columns).Sum(c => (double)x[(i / outputs * columns) + c] * w[(i % outputs * columns) + c]);
            Assert.Equal(exact, y[i], 1e-5);
        }
    }

    [Fact]
    public void Softmax_is_close_to_the_one_in_double_and_survives_large_gaps()
    {
        float[] x = [0, -1, 3.5f, -200, 80, 79.25f, float.NegativeInfinity, 12, 1, 2, 3, 4, 5, 6, 7, 8, 9, 77];
        var sum = x.Sum(value => Math.Exp(value - 80.0));
        var expected = x.Select(value => Math.Exp(value - 80.0) / sum).ToArray();
        Arithmetic.Widest.Softmax(x);
        for (var i = 0; i < x.Length; i++)
            Assert.Equal(expected[i], x[i], 1e-7);
    }

    [Fact]
    public void SwiGlu_is_close_to_the_one_in_double_over_the_whole_range()
    {
        var gate = Enumerable.Range(-400, 801).Select(i => i / 2f).ToArray();
        var expected = gate.Select(g => g / (1 + Math.Exp(-g)) * 1.5).ToArray();
        Arithmetic.Widest.SwiGlu(gate, [.. gate.Select(_ => 1.5f)]);
        for (var i = 0; i < gate.Length; i++)
            Assert.Equal(expected[i], gate[i], Math.Max(1e-6, Math.Abs(expected[i]) * 1e-6));
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(2, 16)]
    [InlineData(3, 17)]
    [InlineData(4, 40)]
    public void Attention_is_close_to_the_one_in_double_and_has_the_same_bits_at_every_width(int heads, int positions)
    {
        var config = Qwen3MoeConfig.Load(EmbeddedModel.Directory) with { HeadSize = 40 };
        var (random, size, width) = (new Random(Seed), config.HeadSize, config.KeyValueHeads * config.HeadSize);
        var (queries, keys, values) = (Floats(random, heads * size, 1), Floats(random, positions * width, 1), Floats(random, positions * width, 1));
        var cache = new KvCache(config);
        cache.Reserve(positions);
        for (var position = 0; position < positions; position++)
            cache.Write(0, position, keys.AsSpan(position * width, width), values.AsSpan(position * width, width));
        foreach (var arithmetic in Enum.GetValues<VectorWidth>())
        {
            var output = new float[heads * size];
            Arithmetic.For(arithmetic).Attend(queries, heads, cache, 0, 1, new float[2 * KvCachePool.PagesOf(positions) * KvCachePool.PageSize], positions, output);
            var widest = new float[heads * size];
            Arithmetic.Widest.Attend(queries, heads, cache, 0, 1, new float[2 * KvCachePool.PagesOf(positions) * KvCachePool.PageSize], positions, widest);
            Assert.Equal(Bits(widest), Bits(output));
            for (var i = 0; i < output.Length; i++)
                Assert.Equal(Exact(i / size, i % size), output[i], 1e-5);
        }

        double Exact(int head, int element)
        {
            var scores = Enumerable.Range(0, positions).Select(position => Math.Exp(Enumerable.Range(0, size).Sum(i => (double)queries[(head * size) + i] * keys[(position * width) + size + i]) / Math.Sqrt(size))).ToArray();
            return Enumerable.Range(0, positions).Sum(position => scores[position] * values[(position * width) + size + element]) / scores.Sum();
        }
    }

    /// <summary>The bits of everything that the arithmetic does, one after the other.</summary>
    private static int[] All(Arithmetic arithmetic, float[] x, byte[] bfloats, byte[] floats, int length)
    {
        var products = new float[2 * 5 * 6];
        arithmetic.MatMul(x, 5, new WeightMatrix(bfloats, WeightType.BFloat16, 6, length), products);
        arithmetic.MatMul(x, 5, new WeightMatrix(floats, WeightType.Float32, 6, length), products.AsSpan(30));
        var (normed, added, scaled, gated, soft) = (new float[length], x[..length], x[..length], x[..length], x[..length]);
        arithmetic.RmsNorm(x.AsSpan(0, length), x.AsSpan(length, length), 1e-6f, normed);
        arithmetic.Add(added, x.AsSpan(2 * length, length));
        arithmetic.AddScaled(scaled, 0.37f, x.AsSpan(3 * length, length));
        arithmetic.SwiGlu(gated, x.AsSpan(4 * length, length));
        arithmetic.Softmax(soft);
        return [.. Bits(products), .. Bits(normed), .. Bits(added), .. Bits(scaled), .. Bits(gated), .. Bits(soft)];
    }

    private static float[] Floats(Random random, int count, double size) => [.. Enumerable.Range(0, count).Select(_ => (float)((random.NextDouble() - 0.5) * 2 * size))];

    private static byte[] Bytes(float[] values, WeightType type) =>
        [.. values.SelectMany(value => type == WeightType.Float32 ? BitConverter.GetBytes(value) : BitConverter.GetBytes((ushort)(BitConverter.SingleToUInt32Bits(value) >> 16)))];

    private static int[] Bits(ReadOnlySpan<float> values)
    {
        var bits = new int[values.Length];
        for (var i = 0; i < bits.Length; i++)
            bits[i] = BitConverter.SingleToInt32Bits(values[i]);
        return bits;
    }
}
