using ElasticEp.Cuda.Kernels;

namespace ElasticEp.Gpu.Tests.Kernels;

public sealed class CpuRouteTests : RouteConformance
{
    protected override IKernelMachine Create() => new CpuMachine();
}

public sealed class CudaRouteTests : RouteConformance
{
    protected override IKernelMachine Create() => new CudaMachine();
}

/// <summary>Where tokens go.</summary>
public abstract class RouteConformance
{
    protected abstract IKernelMachine Create();

    [Theory]
    [InlineData(1, 8, 128, 1, false)]
    [InlineData(70, 1, 16, 3, false)]
    [InlineData(130, 8, 128, 2, true)]
    [InlineData(257, 6, 160, 7, false)]
    [InlineData(600, 8, 256, 4, true)]
    [InlineData(300, 32, 64, 5, true)]
    [InlineData(1100, 8, 256, 2, false)]
    public void Rows_descriptions_and_places_are_those_of_the_oracle(int tokens, int terms, int experts, int members, bool isPreReduced)
    {
        using var machine = Create();
        var batch = new RouteCase((ulong)tokens, tokens, terms, experts, members, rank: 1);
        var preReducedRows = isPreReduced ? 2048 : 0;
        var (meta, areas, places, index) = batch.Expect(preReducedRows);
        var result = Run(machine, batch, preReducedRows);
        Assert.Equal(long.MaxValue, machine.Download<long>(result.Status, 1)[0]);
        Assert.Equal(areas, machine.Download<int>(result.Areas, areas.Length));
        Assert.Equal(places, machine.Download<int>(result.Places, places.Length));
        Assert.Equal(index, machine.Download<int>(result.Index, index.Length));
        var metaInts = 1 + (isPreReduced ? 2 * terms : terms);
        Assert.Equal(meta.Select(list => list.Count / metaInts), machine.Download<int>(result.Counts, members));
        var bases = machine.Download<long>(result.MetaOf, members);
        for (var member = 0; member < members; member++)
            Assert.Equal(meta[member], machine.Download<int>(bases[member], meta[member].Count));
    }

    [Theory]
    [InlineData(5, float.NaN, 3, (5 * 4) + RouteKernel.BadWeight)]
    [InlineData(5, float.PositiveInfinity, -1, (5 * 4) + RouteKernel.BadWeight)]
    [InlineData(9, 1f, 16, (9 * 4) + RouteKernel.BadExpert)]
    [InlineData(9, 1f, -2, (9 * 4) + RouteKernel.BadExpert)]
    [InlineData(9, 1f, 7, (9 * 4) + RouteKernel.LostExpert)]
    public void The_first_wrong_entry_is_reported_and_goes_nowhere(int entry, float weight, int id, long expected)
    {
        using var machine = Create();
        var batch = new RouteCase(7, 40, 4, 16, 2, rank: 0);
        for (var i = 0; i < batch.Ids.Length; i++)
            batch.Ids[i] = batch.Ids[i] == 7 ? 6 : batch.Ids[i];
        var lost = batch.Starts[8] - batch.Starts[7];
        for (var expert = 8; expert <= 16; expert++)
            batch.Starts[expert] -= lost; // expert 7 has no replica; the others have some
        (batch.Ids[entry], batch.Weights[entry]) = (id, weight);
        (batch.Ids[100], batch.Weights[101]) = (99, float.NaN); // later ones do not show
        var result = Run(machine, batch, 0);
        Assert.Equal(expected, machine.Download<long>(result.Status, 1)[0]);
        Assert.Equal(-1, machine.Download<int>(result.Areas, batch.Ids.Length)[100]);
        if (id is < 0 or 7 or 16)
            Assert.Equal(-1, machine.Download<int>(result.Places, batch.Ids.Length)[entry]);
    }

    [Fact]
    public void No_tokens_are_no_rows()
    {
        using var machine = Create();
        var result = Run(machine, new RouteCase(1, 0, 8, 16, 3, rank: 0), 0);
        Assert.Equal([0, 0, 0], machine.Download<int>(result.Counts, 3));
    }

    [Fact]
    public void Chosen_experts_are_counted_on_top_of_earlier_counts()
    {
        using var machine = Create();
        var batch = new RouteCase(3, 500, 8, 40, 2, rank: 0);
        var counts = machine.Upload<long>([.. Enumerable.Repeat(1L << 40, 40)]);
        machine.Kernels.CountExperts(machine.Upload<int>(batch.Ids), machine.Upload<int>([500, 0]), counts, 512, 40, 8);
        Assert.Equal(Enumerable.Range(0, 40).Select(expert => (1L << 40) + batch.Ids.Count(id => id == expert)), machine.Download<long>(counts, 40));
    }

    private static (long MetaOf, long Counts, long Areas, long Places, long Index, long Status) Run(IKernelMachine machine, RouteCase batch, int preReducedRows)
    {
        var garbage = new int[Math.Max(1, batch.Ids.Length)];
        Array.Fill(garbage, 12345);
        var metaOf = machine.Upload<long>([.. Enumerable.Range(0, batch.Members).Select(_ => machine.Upload<int>(new int[Math.Max(1, batch.Tokens * (1 + (2 * batch.Terms)))]))]);
        var output = new RouteOutput(machine.Upload<int>(new int[batch.Members]), machine.Upload<int>(garbage), machine.Upload<int>(garbage), machine.Upload<int>(garbage), machine.Upload<long>([long.MaxValue]));
        var tables = new RouteTables(machine.Upload<int>([batch.Tokens, batch.Rank]), machine.Upload<int>(batch.Starts), machine.Upload<int>(batch.Replicas), metaOf, batch.Members);
        machine.Kernels.Route(machine.Upload<int>(batch.Ids), machine.Upload<float>(batch.Weights), tables, output, batch.Experts, batch.Terms, preReducedRows);
        return (metaOf, output.Counts, output.Areas, output.Places, output.Index, output.Status);
    }
}
