using ElasticEp.Cuda.Kernels;
using ElasticEp.TestKit;

namespace ElasticEp.Gpu.Tests.Kernels;

public sealed class CpuFloat8Tests : Float8Conformance
{
    protected override IKernelMachine Create() => new CpuMachine();
}

public sealed class CudaFloat8Tests : Float8Conformance
{
    protected override IKernelMachine Create() => new CudaMachine();
}

/// <summary>Rows to e4m3 and back.</summary>
public abstract class Float8Conformance
{
    protected abstract IKernelMachine Create();

    [Theory]
    [InlineData(ElementType.BFloat16, 128, false)]
    [InlineData(ElementType.BFloat16, 384, true)]
    [InlineData(ElementType.BFloat16, 2048, false)]
    [InlineData(ElementType.BFloat16, 7168, true)]
    [InlineData(ElementType.BFloat16, 7168, false)]
    [InlineData(ElementType.Float32, 384, false)]
    [InlineData(ElementType.Float32, 1152, true)]
    public void Rows_travel_and_come_back_with_the_bits_of_the_oracle(ElementType type, int hidden, bool usePowersOfTwo)
    {
        using var machine = Create();
        const int Rows = 5;
        int[] places = [3, 0, 6, -1, 2];
        var random = new Mixer((ulong)hidden);
        var source = new byte[Rows * hidden * EpBuffer.SizeOf(type)];
        for (var i = 0; i < Rows * hidden; i++)
            RowOracle.Write(type, source, i, Value(i, ref random));
        var packedBytes = Float8Row.Bytes(hidden);
        var expected = new byte[7 * packedBytes];
        var back = new byte[Rows * hidden * EpBuffer.SizeOf(type)];
        for (var row = 0; row < Rows; row++)
        {
            var values = Enumerable.Range(row * hidden, hidden).Select(i => RowOracle.Read(type, source, i)).ToArray();
            if (places[row] < 0)
                continue;
            var packed = Float8Oracle.Pack(values, usePowersOfTwo);
            packed.CopyTo(expected.AsSpan(places[row] * packedBytes));
        }

        var target = machine.Upload<byte>(new byte[expected.Length]);
        machine.Kernels.PackFloat8(type, machine.Upload<byte>(source), new RowPlaces(machine.Upload<int>(places), 1, target), new RowCount(Rows), hidden, usePowersOfTwo);
        var actual = machine.Download<byte>(target, expected.Length);
        Assert.Equal(expected, actual);

        int[] order = [4, -1, 3, 0, -1, -1, 1]; // packed rows 0, 2, 3 and 6 are there
        for (var row = 0; row < order.Length; row++)
        {
            for (var i = 0; order[row] >= 0 && i < hidden; i++)
            {
                var scale = BitConverter.ToSingle(expected, (row * packedBytes) + hidden + (i / 128 * 4));
                RowOracle.Write(type, back, (order[row] * hidden) + i, (float)Float8Oracle.Value(expected[(row * packedBytes) + i]) * scale);
            }
        }

        var output = machine.Upload<byte>(new byte[back.Length]);
        machine.Kernels.ExpandFloat8(type, target, new RowPlaces(machine.Upload<int>(order), 1, output), new RowCount(7), hidden);
        Assert.Equal(back, machine.Download<byte>(output, back.Length));
    }

    [Fact]
    public void A_row_goes_to_several_places_and_zeros_have_a_scale()
    {
        using var machine = Create();
        var source = new ushort[256];
        source[200] = 0x4000; // 2
        var target = machine.Upload<byte>(new byte[3 * Float8Row.Bytes(256)]);
        machine.Kernels.PackFloat8(ElementType.BFloat16, machine.Upload<ushort>(source), new RowPlaces(machine.Upload<int>([2, -1, 0]), 3, target), new RowCount(1), 256, false);
        var row = new byte[Float8Row.Bytes(256)];
        row[200] = 0x7E; // 448
        BitConverter.TryWriteBytes(row.AsSpan(256), 1e-4f / 448f);
        BitConverter.TryWriteBytes(row.AsSpan(260), 2f / 448f);
        Assert.Equal((byte[])[.. row, .. new byte[row.Length], .. row], machine.Download<byte>(target, 3 * row.Length));
    }

    private static float Value(int i, ref Mixer random) => random.Below(50) switch
    {
        0 => float.NaN,
        1 => 0f,
        2 => -0f,
        3 => 1e-6f,
        _ => (random.Below(200001) - 100000) / 8192f * (i % 256 < 128 ? 1f : 1e-3f),
    };
}
