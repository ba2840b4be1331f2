using ElasticEp.Cuda.Kernels;
using ElasticEp.TestKit;

namespace ElasticEp.Gpu.Tests.Kernels;

public sealed class CpuCopyTests : CopyConformance
{
    protected override IKernelMachine Create() => new CpuMachine();
}

public sealed class CudaCopyTests : CopyConformance
{
    protected override IKernelMachine Create() => new CudaMachine();
}

/// <summary>Rows that move as they are.</summary>
public abstract class CopyConformance
{
    protected abstract IKernelMachine Create();

    [Theory]
    [InlineData(16)]
    [InlineData(48)]
    [InlineData(2048)]
    [InlineData(4096)]
    [InlineData(14336)]
    public void Gathered_rows_come_from_the_list_and_rows_without_a_number_are_left_alone(int rowBytes)
    {
        using var machine = Create();
        var source = RandomBytes(9 * rowBytes, 1);
        int[] from = [8, 0, -1, 3, 3];
        var target = RandomBytes(6 * rowBytes, 2);
        var expected = (byte[])target.Clone();
        for (var i = 0; i < from.Length; i++)
        {
            if (from[i] >= 0)
                source.AsSpan(from[i] * rowBytes, rowBytes).CopyTo(expected.AsSpan(i * rowBytes));
        }

        var output = machine.Upload<byte>(target);
        machine.Kernels.Gather(machine.Upload<byte>(source), machine.Upload<int>(from), output, new RowCount(from.Length), rowBytes);
        Assert.Equal(expected, machine.Download<byte>(output, target.Length));
    }

    /// <summary>Enough rows for a large GPU to move them in large pieces, of which the last one of a row is not whole.</summary>
    [Theory]
    [InlineData(2064)]
    [InlineData(3600)]
    public void Many_rows_come_from_the_list_too(int rowBytes)
    {
        using var machine = Create();
        const int Rows = 700;
        var source = RandomBytes(Rows * rowBytes, 4);
        int[] from = [.. Enumerable.Range(0, Rows).Select(row => row * 13 % Rows)];
        var output = machine.Upload<byte>(new byte[Rows * rowBytes]);
        machine.Kernels.Gather(machine.Upload<byte>(source), machine.Upload<int>(from), output, new RowCount(Rows), rowBytes);
        byte[] expected = [.. from.SelectMany(row => source.AsSpan(row * rowBytes, rowBytes).ToArray())];
        Assert.Equal(expected, machine.Download<byte>(output, expected.Length));
    }

    [Fact]
    public void The_number_of_rows_is_read_from_memory_when_the_kernel_runs()
    {
        using var machine = Create();
        var source = RandomBytes(8 * 64, 3);
        var output = machine.Upload<byte>(new byte[8 * 64]);
        machine.Kernels.Gather(machine.Upload<byte>(source), 0, output, new RowCount(8, machine.Upload<int>([5])), 64);
        Assert.Equal((byte[])[.. source.AsSpan(0, 5 * 64), .. new byte[3 * 64]], machine.Download<byte>(output, 8 * 64));
    }

    [Theory]
    [InlineData(1, 16)]
    [InlineData(3, 4112)]
    [InlineData(8, 4096)]
    [InlineData(32, 48)]
    public void A_row_is_spread_to_all_its_places_in_all_areas(int terms, int rowBytes)
    {
        using var machine = Create();
        const int Rows = 7, Areas = 3, AreaRows = 80;
        var random = new Mixer(4);
        var source = RandomBytes(Rows * rowBytes, 5);
        var (places, areas) = (new int[Rows * terms], new int[Rows * terms]);
        var free = Enumerable.Range(0, Areas * AreaRows).ToList();
        var expected = new byte[Areas * AreaRows * rowBytes];
        for (var entry = 0; entry < places.Length; entry++)
        {
            (places[entry], areas[entry]) = (-1, -1);
            if (random.Below(4) == 0)
                continue;
            var chosen = free[random.Below(free.Count)];
            free.Remove(chosen);
            (places[entry], areas[entry]) = (chosen % AreaRows, chosen / AreaRows);
            source.AsSpan(entry / terms * rowBytes, rowBytes).CopyTo(expected.AsSpan(chosen * rowBytes));
        }

        var output = machine.Upload<byte>(new byte[expected.Length]);
        var bases = machine.Upload<long>([output, output + (AreaRows * rowBytes), output + (2 * AreaRows * rowBytes)]);
        machine.Kernels.Spread(machine.Upload<byte>(source), new RowPlaces(machine.Upload<int>(places), terms, bases, machine.Upload<int>(areas)), new RowCount(Rows), rowBytes);
        Assert.Equal(expected, machine.Download<byte>(output, expected.Length));
    }

    [Theory]
    [InlineData(32)]
    [InlineData(4112)]
    public void Rows_from_a_list_of_addresses_go_to_their_places_and_it_is_noted_where_each_goes_back(int rowBytes)
    {
        using var machine = Create();
        const int Terms = 3;
        var source = RandomBytes(8 * rowBytes, 6);
        var address = machine.Upload<byte>(source);
        int[] from = [6, 1, 3];
        int[] places = [2, -1, 0, /* row 1 */ -1, 3, -1, /* row 2 */ 9, 9, 9];
        var expected = new byte[4 * rowBytes];
        foreach (var (row, place) in new[] { (6, 2), (6, 0), (1, 3) })
            source.AsSpan(row * rowBytes, rowBytes).CopyTo(expected.AsSpan(place * rowBytes));
        var output = machine.Upload<byte>(new byte[expected.Length]);
        var homeOf = machine.Upload<long>(new long[4]);
        machine.Kernels.Spread(
            0,
            new RowPlaces(machine.Upload<int>(places), Terms, output),
            new RowCount(3, machine.Upload<int>([2])),
            rowBytes,
            machine.Upload<long>([.. from.Select(row => address + (row * rowBytes))]),
            new RowHomes(machine.Upload<long>([5000, 7000, 9000]), homeOf, 100));
        Assert.Equal(expected, machine.Download<byte>(output, expected.Length));
        Assert.Equal([5200, 0, 5000, 7100], machine.Download<long>(homeOf, 4));
    }

    [Theory]
    [InlineData(1, 16)]
    [InlineData(40, 4112)]
    [InlineData(90, 2048)]
    public void Rows_of_experts_go_back_to_their_addresses_and_then_the_tag_is_there(int rows, int rowBytes)
    {
        using var machine = Create();
        var control = TestControl.Upload(machine, members: 2, rank: 0);
        var source = RandomBytes(rows * rowBytes, 8);
        var target = machine.Upload<byte>(new byte[rows * rowBytes]);
        long[] flags = [machine.Upload<long>(new long[8]), machine.Upload<long>(new long[8])];
        var homeOf = machine.Upload<long>([.. Enumerable.Range(0, rows).Select(row => target + (((row * 7 % rows) + 0L) * rowBytes))]);
        var signal = new FlagSignal(control, machine.Upload<long>(flags), 16, 0, 4);
        machine.Kernels.Return(machine.Upload<byte>(source), homeOf, new RowCount(rows, 0, control), rowBytes, signal);
        var expected = new byte[source.Length];
        for (var row = 0; row < rows; row++)
            source.AsSpan(row * rowBytes, rowBytes).CopyTo(expected.AsSpan(row * 7 % rows * rowBytes));
        Assert.Equal(expected, machine.Download<byte>(target, expected.Length));
        foreach (var flag in flags)
            Assert.Equal([0, 0, TestControl.TagOf(4), 0, 0, 0, 0, 0], machine.Download<long>(flag, 8));
    }

    [Fact]
    public void A_kernel_sees_all_that_the_one_ahead_wrote()
    {
        using var machine = Create();
        const int Rows = 96, RowBytes = 2064, Kernels = 40;
        var expected = RandomBytes(Rows * RowBytes, 7);
        int[] from = [.. Enumerable.Range(0, Rows).Select(row => ((row * 5) + 3) % Rows)];
        var (source, target, list) = (machine.Upload<byte>(expected), machine.Upload<byte>(new byte[expected.Length]), machine.Upload<int>(from));
        for (var i = 0; i < Kernels; i++)
        {
            machine.Kernels.Gather(source, list, target, new RowCount(Rows), RowBytes);
            (source, target) = (target, source);
            expected = [.. from.SelectMany(row => expected.AsSpan(row * RowBytes, RowBytes).ToArray())];
        }

        Assert.Equal(expected, machine.Download<byte>(source, expected.Length));
    }

    internal static byte[] RandomBytes(int count, ulong seed)
    {
        var random = new Mixer(seed);
        var bytes = new byte[count];
        for (var i = 0; i < count; i++)
            bytes[i] = (byte)random.Next();
        return bytes;
    }
}
