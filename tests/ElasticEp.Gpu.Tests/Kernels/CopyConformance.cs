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
        machine.Kernels.Spread(machine.Upload<byte>(source), 0, new RowPlaces(machine.Upload<int>(places), terms, bases, machine.Upload<int>(areas)), new RowCount(Rows), rowBytes);
        Assert.Equal(expected, machine.Download<byte>(output, expected.Length));
    }

    [Fact]
    public void Each_source_has_rows_places_and_a_number_of_its_own()
    {
        using var machine = Create();
        const int Capacity = 4, RowBytes = 32;
        var source = RandomBytes(3 * Capacity * RowBytes, 6);
        int[] places = [5, 0, -1, -1, /* source 1 */ 9, 9, 9, 9, /* source 2 */ 1, 2, 3, 4];
        var expected = new byte[6 * RowBytes];
        foreach (var (row, place) in new[] { (0, 5), (1, 0), (8, 1), (9, 2), (10, 3) })
            source.AsSpan(row * RowBytes, RowBytes).CopyTo(expected.AsSpan(place * RowBytes));
        var output = machine.Upload<byte>(new byte[expected.Length]);
        machine.Kernels.Spread(
            machine.Upload<byte>(source),
            Capacity * RowBytes,
            new RowPlaces(machine.Upload<int>(places), 1, output, 0, Capacity * 4),
            new RowCount(Capacity, machine.Upload<int>([2, 0, 3]), 3),
            RowBytes);
        Assert.Equal(expected, machine.Download<byte>(output, expected.Length));
    }

    [Theory]
    [InlineData(1, 5, 1, 16)]
    [InlineData(3, 40, 8, 4112)]
    [InlineData(2, 9, 6, 2048)]
    public void Rows_of_experts_return_to_the_entries_that_they_came_from(int sources, int most, int terms, int rowBytes)
    {
        using var machine = Create();
        var random = new Mixer((ulong)(sources + most));
        var metaInts = 1 + terms;
        var capacity = most + 2;
        var (meta, places, counts) = (new int[sources * capacity * metaInts], new int[sources * capacity * terms], new int[sources]);
        Array.Fill(places, 1 << 20); // what is behind the rows of a source is never read
        var rows = RandomBytes(sources * most * terms * rowBytes, 8);
        var tokens = 2 * most;
        var expected = new byte[sources][];
        var next = 0;
        for (var source = 0; source < sources; source++)
        {
            expected[source] = new byte[tokens * terms * rowBytes];
            counts[source] = most - source;
            for (var row = 0; row < counts[source]; row++)
            {
                var token = meta[((source * capacity) + row) * metaInts] = (2 * row) + random.Below(2);
                for (var j = 0; j < terms; j++)
                {
                    var place = random.Below(3) == 0 ? -1 : next++;
                    places[(((source * capacity) + row) * terms) + j] = place;
                    if (place >= 0)
                        rows.AsSpan(place * rowBytes, rowBytes).CopyTo(expected[source].AsSpan(((token * terms) + j) * rowBytes));
                }
            }
        }

        var regions = expected.Select(region => machine.Upload<byte>(new byte[region.Length])).ToArray();
        var received = new ReceivedRows(machine.Upload<int>(meta), capacity * metaInts * 4, machine.Upload<int>(counts), sources, metaInts);
        machine.Kernels.Return(machine.Upload<byte>(rows), received, machine.Upload<int>(places), capacity * terms * 4, machine.Upload<long>(regions), most, terms, rowBytes);
        for (var source = 0; source < sources; source++)
            Assert.Equal(expected[source], machine.Download<byte>(regions[source], expected[source].Length));
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
