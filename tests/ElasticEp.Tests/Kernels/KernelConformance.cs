using ElasticEp.Kernels;
using ElasticEp.TestKit;

namespace ElasticEp.Tests.Kernels;

/// <summary>What every implementation of <see cref="IExchangeKernels"/> on host memory must do, to the bit.</summary>
public abstract class KernelConformance
{
    private static readonly float[] Odd =
    [
        float.NaN, BitConverter.Int32BitsToSingle(unchecked((int)0xFFC12345)), float.PositiveInfinity, float.NegativeInfinity, 0f, -0f,
        float.Epsilon, -float.Epsilon, 1e-39f, float.MaxValue, float.MinValue, 3.3895e38f, 1.00390625f, 1.01171875f,
    ];

    public static TheoryData<ElementType, int, int> Shapes
    {
        get
        {
            var data = new TheoryData<ElementType, int, int>();
            foreach (var type in new[] { ElementType.Float32, ElementType.BFloat16 })
            {
                foreach (var (hidden, terms) in new[] { (16, 1), (16, 32), (20, 3), (24, 2), (40, 8), (56, 5), (64, 4), (72, 7), (136, 6), (1000, 8), (2048, 8), (4104, 16), (7168, 8), (7168, 32) })
                    data.Add(type, hidden, terms);
            }

            return data;
        }
    }

    internal abstract IExchangeKernels Create();

    [Theory]
    [MemberData(nameof(Shapes))]
    public void A_weighted_sum_has_the_bits_of_the_oracle(ElementType type, int hidden, int terms)
    {
        var random = new Mixer((ulong)((hidden * 100) + terms));
        var (count, rows) = (5, 11);
        var source = RandomRows(type, rows * hidden, 0, ref random);
        CheckSum(type, source, rows, count, terms, hidden, ref random);
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Odd_values_have_the_bits_of_the_oracle(ElementType type, int hidden, int terms)
    {
        var random = new Mixer((ulong)((hidden * 100) + terms + 1));
        var source = RandomRows(type, 11 * hidden, 30, ref random);
        CheckSum(type, source, 11, 5, terms, hidden, ref random);
    }

    [Fact]
    public void Every_upper_half_and_both_halfway_points_round_as_the_oracle_says()
    {
        var kernels = Create();
        var values = new List<float>();
        for (var upper = 0; upper < 65536; upper++)
        {
            foreach (var lower in new[] { 0, 1, 0x7FFF, 0x8000, 0x8001, 0xFFFF })
                values.Add(BitConverter.Int32BitsToSingle((upper << 16) | lower));
        }

        // v = 1·v rounded once: the products are exact because one factor is a bfloat16 of value 1.
        var hidden = 8;
        var one = Enumerable.Repeat((ushort)0x3F80, hidden).SelectMany(BitConverter.GetBytes).ToArray();
        var output = new byte[hidden * 2];
        foreach (var value in values)
        {
            kernels.WeightedSum(Rows(one, ElementType.BFloat16), [0], [value], Rows(output, ElementType.BFloat16), 1, hidden);
            if (BitConverter.ToUInt16(output) != RowOracle.ToBFloat16(MathF.FusedMultiplyAdd(value, 1f, 0f)))
                Assert.Fail($"{BitConverter.SingleToInt32Bits(value):X8} became {BitConverter.ToUInt16(output):X4}");
        }
    }

    [Fact]
    public void Skipped_terms_leave_zero()
    {
        var output = Enumerable.Repeat((byte)0xAB, 64).ToArray();
        Create().WeightedSum(Rows(new byte[64], ElementType.Float32), [-1, -1], [float.NaN, 1f], Rows(output, ElementType.Float32), 2, 16);
        Assert.Equal(new byte[64], output);
    }

    [Fact]
    public void Nothing_in_gives_nothing_out()
    {
        Create().WeightedSum(default, [], [], default, 8, 64);
        Create().CopyRows(default, [], default, [], 128);
        var output = new byte[32];
        Create().WeightedSum(default, [-1], [1f], Rows(output, ElementType.BFloat16), 1, 16);
        Assert.Equal(new byte[32], output);
    }

    [Theory]
    [InlineData(16)]
    [InlineData(48)]
    [InlineData(14336)]
    public unsafe void Rows_are_copied_where_they_belong_between_managed_and_native_memory(int rowBytes)
    {
        var random = new Mixer(5);
        var source = new byte[7 * rowBytes];
        for (var i = 0; i < source.Length; i++)
            source[i] = (byte)random.Next();
        int[] from = [6, 0, 3, 3];
        int[] to = [1, 4, 0, 2];
        var expected = new byte[5 * rowBytes];
        for (var i = 0; i < from.Length; i++)
            source.AsSpan(from[i] * rowBytes, rowBytes).CopyTo(expected.AsSpan(to[i] * rowBytes));
        var managed = new byte[5 * rowBytes];
        Create().CopyRows(Rows(source, ElementType.BFloat16), from, Rows(managed, ElementType.BFloat16), to, rowBytes);
        Assert.Equal(expected, managed);

        var native = new byte[5 * rowBytes];
        fixed (byte* read = source, write = native)
            Create().CopyRows(EpBuffer.FromPointer((nint)read, source.Length, ElementType.Byte), from, EpBuffer.FromPointer((nint)write, native.Length, ElementType.Byte), to, rowBytes);
        Assert.Equal(expected, native);
    }

    [Fact]
    public void Wrong_arguments_are_refused_and_write_nothing()
    {
        var kernels = Create();
        var rows = Rows(new byte[128], ElementType.Float32); // two rows of 16
        var bytes = Enumerable.Repeat((byte)7, 64).ToArray();
        var output = Rows(bytes, ElementType.Float32);
        Assert.ThrowsAny<ArgumentException>(() => kernels.WeightedSum(rows, [0, 2], [1f, 1f], output, 2, 16));
        Assert.ThrowsAny<ArgumentException>(() => kernels.WeightedSum(rows, [0, -2], [1f, 1f], output, 2, 16));
        Assert.ThrowsAny<ArgumentException>(() => kernels.WeightedSum(rows, [0, 1], [1f], output, 2, 16));
        Assert.ThrowsAny<ArgumentException>(() => kernels.WeightedSum(rows, [0, 1, 1], [1f, 1f, 1f], output, 2, 16));
        Assert.ThrowsAny<ArgumentException>(() => kernels.WeightedSum(rows, [0], [1f], output, 1, 15));
        Assert.ThrowsAny<ArgumentException>(() => kernels.WeightedSum(rows, [], [], output, 0, 16));
        Assert.ThrowsAny<ArgumentException>(() => kernels.WeightedSum(rows, [0], [1f], Rows(new byte[32], ElementType.BFloat16), 1, 16));
        Assert.ThrowsAny<ArgumentException>(() => kernels.WeightedSum(rows.Cast(ElementType.Int32), [0], [1f], output.Cast(ElementType.Int32), 1, 16));
        Assert.ThrowsAny<ArgumentException>(() => kernels.CopyRows(rows, [0, 1], output, [0, 1], 64));
        Assert.ThrowsAny<ArgumentException>(() => kernels.CopyRows(rows, [2], output, [0], 64));
        Assert.ThrowsAny<ArgumentException>(() => kernels.CopyRows(rows, [-1], output, [0], 64));
        Assert.ThrowsAny<ArgumentException>(() => kernels.CopyRows(rows, [0, 1], output, [0], 64));
        Assert.All(bytes, value => Assert.Equal(7, value));
    }

    private static EpBuffer Rows(byte[] bytes, ElementType type) => EpBuffer.From(bytes.AsMemory(), type);

    private static byte[] RandomRows(ElementType type, int elements, int oddPercent, ref Mixer random)
    {
        var rows = new byte[elements * EpBuffer.SizeOf(type)];
        for (var i = 0; i < elements; i++)
            RowOracle.Write(type, rows, i, random.Below(100) < oddPercent ? Odd[random.Below(Odd.Length)] : (random.Below(200001) - 100000) / 8192f);
        return rows;
    }

    private void CheckSum(ElementType type, byte[] source, int rows, int count, int terms, int hidden, ref Mixer random)
    {
        var index = new int[count * terms];
        var weights = new float[count * terms];
        for (var i = 0; i < index.Length; i++)
        {
            index[i] = random.Below(rows + 1) - 1;
            weights[i] = (random.Below(20001) - 10000) / 7919f;
        }

        var output = new byte[count * hidden * EpBuffer.SizeOf(type)];
        Create().WeightedSum(Rows(source, type), index, weights, Rows(output, type), terms, hidden);
        Assert.Equal(RowOracle.WeightedSum(type, source, index, weights, terms, hidden), output);
    }
}
