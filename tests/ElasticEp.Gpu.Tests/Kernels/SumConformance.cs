using ElasticEp.Cuda.Kernels;
using ElasticEp.Kernels;
using ElasticEp.TestKit;

namespace ElasticEp.Gpu.Tests.Kernels;

public sealed class CpuSumTests : SumConformance
{
    protected override IKernelMachine Create() => new CpuMachine();
}

public sealed class CudaSumTests : SumConformance
{
    protected override IKernelMachine Create() => new CudaMachine();
}

/// <summary>Weighted sums have the bits of a plain oracle and of the processor's engine.</summary>
public abstract class SumConformance
{
    private static readonly float[] Odd =
    [
        float.NaN, BitConverter.Int32BitsToSingle(unchecked((int)0xFFC12345)), float.PositiveInfinity, float.NegativeInfinity, 0f, -0f,
        float.Epsilon, -float.Epsilon, 1e-39f, float.MaxValue, float.MinValue, 3.3895e38f, 1.00390625f, 1.01171875f,
    ];

    public static TheoryData<ElementType, int, int, int> Shapes
    {
        get
        {
            var data = new TheoryData<ElementType, int, int, int>();
            foreach (var type in new[] { ElementType.Float32, ElementType.BFloat16 })
            {
                foreach (var (hidden, terms, oddPercent) in new[] { (8, 1, 0), (16, 32, 30), (40, 8, 30), (136, 6, 30), (1000, 9, 10), (2048, 8, 0), (4104, 16, 30), (7168, 8, 0) })
                    data.Add(type, hidden, terms, oddPercent);
            }

            return data;
        }
    }

    protected abstract IKernelMachine Create();

    [Theory]
    [MemberData(nameof(Shapes))]
    public void A_weighted_sum_has_the_bits_of_the_oracle_and_of_the_processor(ElementType type, int hidden, int terms, int oddPercent)
    {
        using var machine = Create();
        var random = new Mixer((ulong)((hidden * 100) + terms));
        const int Rows = 11, Count = 5;
        var rowBytes = hidden * EpBuffer.SizeOf(type);
        var source = new byte[Rows * rowBytes];
        for (var i = 0; i < Rows * hidden; i++)
            RowOracle.Write(type, source, i, random.Below(100) < oddPercent ? Odd[random.Below(Odd.Length)] : (random.Below(200001) - 100000) / 8192f);
        var (index, weights) = (new int[Count * terms], new float[Count * terms]);
        for (var i = 0; i < index.Length; i++)
            (index[i], weights[i]) = (random.Below(Rows + 1) - 1, (random.Below(20001) - 10000) / 7919f);
        var output = machine.Upload<byte>(new byte[Count * rowBytes]);
        machine.Kernels.Sum(type, machine.Upload<byte>(source), machine.Upload<int>(index), machine.Upload<float>(weights), terms, output, new RowCount(Count), terms, rowBytes);
        var actual = machine.Download<byte>(output, Count * rowBytes);
        Assert.Equal(RowOracle.WeightedSum(type, source, index, weights, terms, hidden), actual);
        var processor = new byte[actual.Length];
        new CpuExchangeKernels().WeightedSum(EpBuffer.From(source.AsMemory(), type), index, weights, EpBuffer.From(processor.AsMemory(), type), terms, hidden);
        Assert.Equal(processor, actual);
    }

    [Theory]
    [InlineData(ElementType.Float32)]
    [InlineData(ElementType.BFloat16)]
    public void A_sum_that_is_minus_zero_stays_so_when_terms_are_skipped(ElementType type)
    {
        using var machine = Create();
        var rowBytes = 16 * EpBuffer.SizeOf(type);
        var source = new byte[rowBytes];
        for (var i = 0; i < 16; i++)
            RowOracle.Write(type, source, i, -1e-30f);
        var output = machine.Upload<byte>(new byte[rowBytes]);
        machine.Kernels.Sum(type, machine.Upload<byte>(source), machine.Upload<int>([0, -1, -1]), machine.Upload<float>([1e-30f, 1, -1]), 3, output, new RowCount(1), 3, rowBytes);
        var expected = new byte[rowBytes];
        for (var i = 0; i < 16; i++)
            RowOracle.Write(type, expected, i, -0f);
        Assert.Equal(expected, machine.Download<byte>(output, rowBytes));
    }

    [Fact]
    public void Every_upper_half_and_both_halfway_points_round_as_the_oracle_says()
    {
        using var machine = Create();
        int[] lower = [0, 1, 0x7FFF, 0x8000, 0x8001, 0xFFFF];
        var weights = new float[65536 * lower.Length];
        for (var i = 0; i < weights.Length; i++)
            weights[i] = BitConverter.Int32BitsToSingle((i / lower.Length << 16) | lower[i % lower.Length]);
        var one = Enumerable.Repeat((ushort)0x3F80, 8).ToArray(); // the products are exact, so only the last rounding shows
        var output = machine.Upload<ushort>(new ushort[weights.Length * 8]);
        machine.Kernels.Sum(ElementType.BFloat16, machine.Upload<ushort>(one), machine.Upload<int>(new int[weights.Length]), machine.Upload<float>(weights), 1, output, new RowCount(weights.Length), 1, 16);
        var expected = weights.SelectMany(weight => Enumerable.Repeat(RowOracle.ToBFloat16(MathF.FusedMultiplyAdd(weight, 1f, 0f)), 8)).ToArray();
        Assert.Equal(expected, machine.Download<ushort>(output, weights.Length * 8));
    }

    [Fact]
    public void Weights_may_lie_among_other_numbers()
    {
        using var machine = Create();
        float[] rows = [1, 2, 3, 4, 10, 20, 30, 40];
        float[] weights = [2, 3, 99, 99, 5, 7, 99, 99];
        var output = machine.Upload<float>(new float[8]);
        machine.Kernels.Sum(ElementType.Float32, machine.Upload<float>(rows), machine.Upload<int>([0, 1, 1, -1]), machine.Upload<float>(weights), 4, output, new RowCount(2), 2, 16);
        Assert.Equal([32, 64, 96, 128, 50, 100, 150, 200], machine.Download<float>(output, 8));
    }
}
