using ElasticEp.Cuda.Kernels;
using ElasticEp.Cuda.Windows;
using ElasticEp.TestKit;

namespace ElasticEp.Gpu.Tests.Kernels;

public sealed class CpuPlaceTests : PlaceConformance
{
    protected override IKernelMachine Create() => new CpuMachine();
}

public sealed class CudaPlaceTests : PlaceConformance
{
    protected override IKernelMachine Create() => new CudaMachine();
}

/// <summary>Received rows are laid out slot after slot, by source, in the order of the source.</summary>
public abstract class PlaceConformance
{
    private const int RowsOffset = 1 << 20;
    private const int CombineOffset = 1 << 24;
    private const int SentBytes = 48;
    private const int RowBytes = 64;

    protected abstract IKernelMachine Create();

    [Theory]
    [InlineData(1, 1, 8, 4, false)]
    [InlineData(1, 700, 8, 64, false)]
    [InlineData(3, 150, 4, 16, true)]
    [InlineData(9, 33, 8, 128, false)]
    [InlineData(2, 80, 32, 8, true)]
    [InlineData(2, 60, 8, 900, false)]
    [InlineData(5, 0, 8, 3, false)]
    public void Places_offsets_and_addresses_are_those_of_a_stable_sort(int sources, int most, int terms, int slots, bool isPreReduced)
    {
        using var machine = Create();
        var random = new Mixer((ulong)((sources * 1000) + most));
        var metaInts = 1 + (isPreReduced ? 2 * terms : terms);
        var windows = new long[sources];
        var entries = new List<(int Slot, int At)>();
        var expected = new List<int>();
        var (data, homes, weights) = (new List<long>(), new List<long>(), new List<long>());
        for (var source = 0; source < sources; source++)
        {
            var rows = most - (most > 0 ? random.Below((most / 2) + 1) : 0);
            var meta = new int[4 + ((rows + 3) * metaInts)];
            Array.Fill(meta, 77); // what is behind the rows of a source is never read
            meta[0] = rows;
            for (var row = 0; row < rows; row++)
            {
                meta[4 + (row * metaInts)] = (row * 3) + source;
                for (var j = 0; j < terms; j++)
                {
                    var slot = random.Below(3) == 0 ? -1 : random.Below(slots);
                    meta[4 + (row * metaInts) + 1 + j] = slot;
                    if (slot >= 0)
                        entries.Add((slot, expected.Count));
                    expected.Add(-1);
                }
            }

            windows[source] = machine.Upload<int>(meta);
            for (var row = 0; row < rows; row++)
            {
                data.Add(windows[source] + RowsOffset + (row * SentBytes));
                homes.Add(Outgoing(source) + CombineOffset + ((isPreReduced ? row : ((row * 3) + source) * terms) * RowBytes));
                weights.Add(windows[source] + ((4 + (row * metaInts) + 1 + terms) * 4L));
            }
        }

        var sorted = entries.OrderBy(entry => entry.Slot).ToList(); // stable
        for (var i = 0; i < sorted.Count; i++)
            expected[sorted[i].At] = i;
        var control = TestControl.Upload(machine, sources, 0);
        var tables = Tables(machine, control, windows, (sources * most) + 1, terms, slots);
        machine.Kernels.Place(tables, slots, terms, isPreReduced, SentBytes, RowBytes, 4096, 0);
        Assert.Null(TestControl.StatusOf(machine, control));
        Assert.Equal(expected, machine.Download<int>(tables.Places, expected.Count));
        Assert.Equal(Enumerable.Range(0, slots + 1).Select(slot => entries.Count(entry => entry.Slot < slot)), machine.Download<int>(tables.Offsets, slots + 1));
        Assert.Equal(data.Count, machine.Download<int>(tables.Received, 1)[0]);
        Assert.Equal(data, machine.Download<long>(tables.Lists, data.Count));
        Assert.Equal(homes, machine.Download<long>(tables.Lists + (tables.Capacity * 8L), data.Count));
        Assert.Equal(weights, machine.Download<long>(tables.Lists + (tables.Capacity * 16L), data.Count));
    }

    [Theory]
    [InlineData(new[] { 2, 0, 0, 0, 10, 2, 3, 11, 9, 0 })] // slots of 3 where there are three
    [InlineData(new[] { 1, 0, 0, 0, 4096, 2, 1 })] // a token beyond the most
    [InlineData(new[] { 4097, 0, 0, 0, 10, 2, 1 })] // more rows than fit
    [InlineData(new[] { -1, 0, 0, 0, 10, 2, 1 })]
    public void What_does_not_fit_the_layout_is_reported(int[] meta)
    {
        using var machine = Create();
        var control = TestControl.Upload(machine, 2, 0);
        var tables = Tables(machine, control, [machine.Upload<int>([0, 0, 0, 0]), machine.Upload<int>(meta)], 8, 2, 3);
        machine.Kernels.Place(tables, 3, 2, isPreReduced: false, SentBytes, RowBytes, 4096, 6);
        Assert.Equal(new WindowFailure(6, ExchangeFailure.Description, 1), TestControl.StatusOf(machine, control));
    }

    private static long Outgoing(int source) => (source + 1) * (1L << 32);

    private static PlaceTables Tables(IKernelMachine machine, long control, long[] windows, int capacity, int terms, int slots)
    {
        var garbage = new int[capacity * terms];
        Array.Fill(garbage, -5);
        return new PlaceTables(
            control,
            machine.Upload<long>(windows),
            machine.Upload<long>([.. Enumerable.Range(0, windows.Length).Select(Outgoing)]),
            0,
            RowsOffset,
            CombineOffset,
            machine.Upload<long>(new long[capacity * 3]),
            capacity,
            machine.Upload<int>(garbage),
            machine.Upload<int>(new int[slots + 1]),
            machine.Upload<int>([-7]));
    }
}
