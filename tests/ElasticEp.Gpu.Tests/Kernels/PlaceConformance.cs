using ElasticEp.Cuda.Kernels;
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
    protected abstract IKernelMachine Create();

    [Theory]
    [InlineData(1, 1, 8, 4)]
    [InlineData(1, 700, 8, 64)]
    [InlineData(3, 150, 4, 16)]
    [InlineData(9, 33, 8, 128)]
    [InlineData(2, 80, 32, 8)]
    [InlineData(5, 0, 8, 3)]
    public void Places_and_offsets_are_those_of_a_stable_sort(int sources, int most, int terms, int slots)
    {
        using var machine = Create();
        var random = new Mixer((ulong)((sources * 1000) + most));
        var capacity = most + 3;
        var metaInts = 1 + (2 * terms);
        var meta = new int[sources * capacity * metaInts];
        Array.Fill(meta, 77); // what is behind the rows of a source is never read
        var counts = new int[sources];
        var entries = new List<(int Slot, int At)>();
        var expected = new int[sources * capacity * terms];
        Array.Fill(expected, -5);
        for (var source = 0; source < sources; source++)
        {
            counts[source] = most - (most > 0 ? random.Below(most / 2 + 1) : 0);
            for (var row = 0; row < counts[source]; row++)
            {
                for (var j = 0; j < terms; j++)
                {
                    var slot = random.Below(3) == 0 ? -1 : random.Below(slots);
                    meta[(((source * capacity) + row) * metaInts) + 1 + j] = slot;
                    var at = (((source * capacity) + row) * terms) + j;
                    expected[at] = -1;
                    if (slot >= 0)
                        entries.Add((slot, at));
                }
            }
        }

        var sorted = entries.OrderBy(entry => entry.Slot).ToList(); // stable
        for (var i = 0; i < sorted.Count; i++)
            expected[sorted[i].At] = i;
        var untouched = new int[expected.Length];
        Array.Fill(untouched, -5);
        var places = machine.Upload<int>(untouched);
        var offsets = machine.Upload<int>(new int[slots + 1]);
        var status = machine.Upload<long>([long.MaxValue]);
        machine.Kernels.Place(new ReceivedRows(machine.Upload<int>(meta), capacity * metaInts * 4, machine.Upload<int>(counts), sources, metaInts), places, capacity * terms * 4, offsets, status, slots, terms);
        Assert.Equal(expected, machine.Download<int>(places, expected.Length));
        Assert.Equal(Enumerable.Range(0, slots + 1).Select(slot => entries.Count(entry => entry.Slot < slot)), machine.Download<int>(offsets, slots + 1));
        Assert.Equal(long.MaxValue, machine.Download<long>(status, 1)[0]);
    }

    [Fact]
    public void A_slot_that_is_not_there_is_reported_and_gets_no_place()
    {
        using var machine = Create();
        var (places, offsets, status) = (machine.Upload<int>(new int[4]), machine.Upload<int>(new int[4]), machine.Upload<long>([long.MaxValue]));
        machine.Kernels.Place(new ReceivedRows(machine.Upload<int>([10, 2, 3, 11, 9, 0]), 0, machine.Upload<int>([2]), 1, 3), places, 0, offsets, status, 3, 2);
        Assert.Equal([1, -1, -1, 0], machine.Download<int>(places, 4));
        Assert.Equal([0, 1, 1, 2], machine.Download<int>(offsets, 4));
        Assert.Equal((1 * 4) + PlaceKernel.BadSlot, machine.Download<long>(status, 1)[0]);
    }
}
