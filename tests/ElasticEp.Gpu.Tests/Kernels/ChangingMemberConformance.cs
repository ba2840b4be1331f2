using ElasticEp.Cuda.Kernels;
using ElasticEp.TestKit;

namespace ElasticEp.Gpu.Tests.Kernels;

public sealed class CpuChangingMemberTests : ChangingMemberConformance
{
    protected override IKernelMachine Create() => new CpuMachine();
}

public sealed class CudaChangingMemberTests : ChangingMemberConformance
{
    protected override IKernelMachine Create() => new CudaMachine();
}

/// <summary>A member writes other rows, slots and tokens while its dispatch is received: nothing outside the lists is written.</summary>
public abstract class ChangingMemberConformance
{
    private const int Tokens = 64;
    private const int Terms = 4;
    private const int Slots = 3;
    private const int RowBytes = 64;
    private const int Capacity = Tokens;
    private const int MetaOffset = 256;
    private const int RowsOffset = 8192;
    private const int CombineOffset = 1 << 20;
    private const int Guard = 4096;
    private const int Runs = 40;

    protected abstract IKernelMachine Create();

    [Theory]
    [InlineData(true, false)]
    [InlineData(true, true)]
    [InlineData(false, false)]
    [InlineData(false, true)]
    public async Task Places_stay_inside_the_lists(bool isOneKernel, bool isPreReduced)
    {
        using var machine = Create();
        var control = TestControl.Upload(machine, 1, 0, Tokens);
        var window = machine.Pin(RowsOffset + (Tokens * RowBytes)); // the host is the member
        var table = machine.Upload<long>([window]);
        var back = machine.Upload<long>([1L << 40]);
        var memory = machine.Upload<byte>(Poison(5 * Guard + (Capacity * 24) + (Capacity * Terms * 12)));
        var lists = memory + Guard;
        var places = lists + (Capacity * 24) + Guard;
        var homeOf = places + (Capacity * Terms * 4) + Guard;
        var rows = machine.Upload<byte>(Poison((Capacity * Terms * RowBytes) + Guard));
        var totals = machine.Upload<int>(new int[Slots + 2]);
        var tables = new PlaceTables(control, table, back, MetaOffset, RowsOffset, CombineOffset, lists, Capacity, places, totals, totals + ((Slots + 1) * 4));
        Write(window, 0, 0, TestControl.TagOf(0));
        Fill(window, isPreReduced, 1);
        using var stop = new CancellationTokenSource();
        var changing = Task.Run(() =>
        {
            for (var seed = 2UL; !stop.IsCancellationRequested; seed++)
                Fill(window, isPreReduced, seed);
        }, CancellationToken.None);
        for (var run = 0; run < Runs; run++)
        {
            if (isOneKernel)
                machine.Kernels.Receive(tables, homeOf, rows, Capacity, Slots, Terms, isPreReduced, false, RowBytes / 2, RowBytes, Tokens, 0, 0);
            else
                machine.Kernels.Place(tables, Slots, Terms, isPreReduced, RowBytes, RowBytes, Tokens, 0, 0);
            foreach (var place in machine.Download<int>(places, Capacity * Terms))
                Assert.True(place is -1 or Untouched or (>= 0 and < Capacity * Terms), $"place {place}");
        }

        await stop.CancelAsync();
        await changing.WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken);
        foreach (var guard in (long[])[memory, places - Guard, homeOf - Guard, homeOf + (Capacity * Terms * 8), rows + (Capacity * Terms * RowBytes)])
            Assert.All(machine.Download<byte>(guard, Guard), value => Assert.Equal(0xEE, value));
    }

    private const int Untouched = unchecked((int)0xEEEEEEEE);

    private static byte[] Poison(int bytes) => [.. Enumerable.Repeat((byte)0xEE, bytes)];

    /// <summary>All entries of one slot, or of another, or mixed, or too large; and all rows, or few.</summary>
    private static void Fill(long window, bool isPreReduced, ulong seed)
    {
        var random = new Mixer(seed);
        var metaInts = DispatchKernels.MetaInts(Terms, isPreReduced ? 1 : 0);
        var (kind, only) = (random.Below(4), random.Below(Slots));
        for (var row = 0; row < Tokens; row++)
        {
            Write(window, MetaOffset + DispatchKernels.MetaHeader, row * metaInts, kind == 3 ? random.Below(2 * Tokens) : row);
            for (var j = 0; j < Terms; j++)
                Write(window, MetaOffset + DispatchKernels.MetaHeader, (row * metaInts) + 1 + j, kind switch { 0 => only, 1 => random.Below(Slots), 2 => -1, _ => random.Below(5) });
        }

        Write(window, MetaOffset, 0, random.Below(2) == 0 ? Tokens : random.Below(Tokens + 9));
    }

    private static unsafe void Write(long window, int offset, int index, int value) => Volatile.Write(ref ((int*)(window + offset))[index], value);

    private static unsafe void Write(long window, int offset, int index, long value) => Volatile.Write(ref ((long*)(window + offset))[index], value);
}
