using ElasticEp.Cuda.Kernels;

namespace ElasticEp.Gpu;

/// <summary>4,096 tokens × 7,168 bfloat16: what share of the plain copy's bandwidth each kernel reaches.</summary>
internal static class BandwidthSection
{
    public const string Gather = "gather 4096 × 7168 bf16: at least 92 % of a copy";
    public const string Pack = "pack to two members: at least 92 % of a copy";
    public const string GroupAll = "group, 8 of 8 slots here: at least 92 % of a copy";
    public const string GroupHalf = "group, 4 of 8 slots here: at least 92 % of a copy";
    public const string Combine = "combine 8 rows: at least 92 % of a copy";
    public const string CombineFloat32 = "combine 8 rows of float32: at least 92 % of a copy";
    public const string PackFloat8 = "FP8 pack: at least 85 % of its byte floor";
    private const double Bound = 0.92;
    private const double Float8Bound = 0.85;
    private const int Tokens = 4096;
    private const int Hidden = 7168;
    private const int RowBytes = Hidden * 2;

    public static void Run(Report report)
    {
        using var bench = new Bench();
        report.Figure("device", $"{bench.Device.Name}, {bench.Device.Multiprocessors} multiprocessors, NUMA node {bench.Device.NumaNode}");
        report.Figure("copy of 1 GiB", $"{bench.CopyRate / 1e9:F0} GB/s read and written");
        report.Figure("copy of 56 MiB, the size of 4096 rows", $"{bench.MeasureCopy((long)Tokens * RowBytes) / 1e9:F0} GB/s read and written");
        foreach (var (name, registers, spilled) in bench.Library.Describe())
            report.Figure($"kernel {name}", $"{registers} registers, {spilled} bytes spilled");
        MeasureGather(bench, report);
        MeasurePack(bench, report);
        MeasureGroup(bench, report, GroupAll, 256, 256);
        MeasureGroup(bench, report, GroupHalf, 256, 128);
        MeasureCombine(bench, report, Combine, ElementType.BFloat16, RowBytes);
        MeasureCombine(bench, report, CombineFloat32, ElementType.Float32, RowBytes * 2);
        MeasureFloat8(bench, report);
    }

    private static void MeasureGather(Bench bench, Report report)
    {
        var sets = Enumerable.Range(0, 3).Select(_ => (Source: bench.Rows((long)Tokens * RowBytes), Target: bench.Empty((long)Tokens * RowBytes))).ToArray();
        var from = bench.Upload<int>(Shapes.Shuffle(Tokens));
        var time = bench.Time(12, i => bench.Kernels.Gather(sets[i % 3].Source, from, sets[i % 3].Target, new RowCount(Tokens), RowBytes));
        Check(bench, report, Gather, time, 2.0 * Tokens * RowBytes, Bound);
        bench.Free();
    }

    private static void MeasurePack(Bench bench, Report report)
    {
        var (route, ids, weights, tables) = Routing(bench);
        void Route() => bench.Kernels.Route(ids, weights, tables, route, 256, Shapes.TopK, 0);
        Route();
        var sets = Enumerable.Range(0, 2).Select(_ =>
        {
            var (first, second) = (bench.Empty((long)Tokens * RowBytes), bench.Empty((long)Tokens * RowBytes));
            return (Source: bench.Rows((long)Tokens * RowBytes), Bases: bench.Upload<long>([first, second]));
        }).ToArray();
        report.Figure("route 4096 × 8, 256 experts, 2 members", $"{bench.Time(20, _ => Route()):F1} µs");
        var time = bench.Time(8, i => bench.Kernels.Spread(sets[i % 2].Source, new RowPlaces(route.Places, Shapes.TopK, sets[i % 2].Bases, route.Areas), new RowCount(Tokens), RowBytes));
        Check(bench, report, Pack, time, 3.0 * Tokens * RowBytes * 0.997, Bound); // a few tokens of 4,096 have all experts on one member
        bench.Free();
    }

    private static (RouteOutput Output, long Ids, long Weights, RouteTables Tables) Routing(Bench bench)
    {
        var entries = Tokens * Shapes.TopK;
        var metaOf = bench.Upload<long>([bench.Empty(entries * 9L * 4), bench.Empty(entries * 9L * 4)]);
        var starts = bench.Upload<int>([.. Enumerable.Range(0, 257)]);
        var replicas = bench.Upload<int>([.. Enumerable.Range(0, 256).Select(expert => (expert / 128 << 16) | (expert % 128))]);
        var tables = new RouteTables(bench.Upload<int>([Tokens, 0]), starts, replicas, metaOf, 2);
        var output = new RouteOutput(bench.Empty(8), bench.Empty(entries * 4), bench.Empty(entries * 4), bench.Empty(entries * 4), bench.Upload<long>([long.MaxValue]));
        return (output, bench.Upload<int>(Shapes.Experts(Tokens, 256)), bench.Upload<float>(Shapes.Weights(entries)), tables);
    }

    private static void MeasureGroup(Bench bench, Report report, string name, int experts, int slots)
    {
        const int MetaInts = 1 + Shapes.TopK;
        const int Header = DispatchKernels.MetaHeader / sizeof(int);
        var ids = Shapes.Experts(Tokens, experts);
        var meta = new int[Header + (Tokens * MetaInts)];
        meta[0] = Tokens;
        for (var row = 0; row < Tokens; row++)
            meta[Header + (row * MetaInts)] = row;
        for (var i = 0; i < ids.Length; i++)
            meta[Header + (i / Shapes.TopK * MetaInts) + 1 + (i % Shapes.TopK)] = ids[i] < slots ? ids[i] : -1;
        var outputRows = ids.Count(id => id < slots);
        var window = bench.Empty((meta.Length * 4L) + ((long)Tokens * RowBytes));
        bench.Write<int>(window, meta);
        var back = bench.Empty((long)ids.Length * RowBytes);
        var control = bench.Control(members: 1);
        var homeOf = bench.Empty(ids.Length * 8L);
        var tables = new PlaceTables(control, bench.Upload<long>([window]), bench.Upload<long>([back]), 0, meta.Length * 4L, 0, bench.Empty(Tokens * 24L), Tokens, bench.Empty(ids.Length * 4L), bench.Empty(4096), bench.Empty(4));
        var source = Enumerable.Range(0, 2).Select(_ => bench.Rows((long)Tokens * RowBytes)).ToArray();
        var target = bench.Empty((long)outputRows * RowBytes);
        void Place() => bench.Kernels.Place(tables, slots, Shapes.TopK, isPreReduced: false, RowBytes, RowBytes, Tokens, 0);
        void Spread(int i) => bench.Kernels.Spread(source[i % 2], new RowPlaces(tables.Places, Shapes.TopK, target), new RowCount(Tokens, tables.Received, control), RowBytes, 0, new RowHomes(tables.Lists + (Tokens * 8L), homeOf, RowBytes));
        var bytes = (double)(Tokens + outputRows) * RowBytes;
        report.Figure($"places of 4096 rows in {slots} slots", $"{bench.Time(20, _ => Place()):F1} µs");
        report.Figure($"rows to {outputRows} places alone", bench.Describe(bench.Time(6, Spread), bytes));
        var time = bench.Time(6, i =>
        {
            Place();
            Spread(i);
        });
        Check(bench, report, name, time, bytes, Bound);
        var flag = new FlagSignal(control, bench.Upload<long>([bench.Empty(4096)]), 0, 0, 0);
        var returned = bench.Time(6, _ => bench.Kernels.Return(target, homeOf, new RowCount(outputRows, 0, control), RowBytes, flag));
        report.Figure($"return of {outputRows} rows", bench.Describe(returned, 2.0 * outputRows * RowBytes));
        bench.Free();
    }

    private static void MeasureCombine(Bench bench, Report report, string name, ElementType type, int rowBytes)
    {
        var sets = Enumerable.Range(0, 2).Select(_ => (Rows: bench.Rows((long)Tokens * Shapes.TopK * rowBytes), Output: bench.Empty((long)Tokens * rowBytes))).ToArray();
        var index = bench.Upload<int>([.. Enumerable.Range(0, Tokens * Shapes.TopK)]);
        var weights = bench.Upload<float>(Shapes.Weights(Tokens * Shapes.TopK));
        var time = bench.Time(6, i => bench.Kernels.Sum(type, sets[i % 2].Rows, index, weights, Shapes.TopK, sets[i % 2].Output, new RowCount(Tokens), Shapes.TopK, rowBytes));
        Check(bench, report, name, time, (Shapes.TopK + 1.0) * Tokens * rowBytes, Bound);
        bench.Free();
    }

    private static void MeasureFloat8(Bench bench, Report report)
    {
        var packed = Float8Row.Bytes(Hidden);
        var sets = Enumerable.Range(0, 3).Select(_ => (Source: bench.Rows((long)Tokens * RowBytes), Target: bench.Empty((long)Tokens * packed))).ToArray();
        var places = new RowPlaces(bench.Upload<int>([.. Enumerable.Range(0, Tokens)]), 1, 0);
        foreach (var usePowersOfTwo in new[] { true, false })
        {
            var time = bench.Time(12, i => bench.Kernels.PackFloat8(ElementType.BFloat16, sets[i % 3].Source, places with { Bases = sets[i % 3].Target }, new RowCount(Tokens), Hidden, usePowersOfTwo));
            if (usePowersOfTwo)
                report.Figure("FP8 pack with scales that are powers of two", bench.Describe(time, (double)Tokens * (RowBytes + packed)));
            else
                Check(bench, report, PackFloat8, time, (double)Tokens * (RowBytes + packed), Float8Bound);
        }

        var back = bench.Time(12, i => bench.Kernels.ExpandFloat8(ElementType.BFloat16, sets[i % 3].Target, places with { Bases = sets[i % 3].Source }, new RowCount(Tokens), Hidden));
        report.Figure("FP8 rows back to bf16", bench.Describe(back, (double)Tokens * (RowBytes + packed)));
        bench.Free();
    }

    private static void Check(Bench bench, Report report, string name, double time, double bytes, double bound) =>
        report.Check(name, bench.Share(time, bytes) >= bound, bench.Describe(time, bytes));
}
