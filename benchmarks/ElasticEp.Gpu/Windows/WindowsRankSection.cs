using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using ElasticEp.Cuda;
using ElasticEp.Cuda.Kernels;
using ElasticEp.Cuda.Windows;

namespace ElasticEp.Gpu.Windows;

/// <summary>One of the two processes of <see cref="WindowsSection"/>.</summary>
internal static class WindowsRankSection
{
    public const string RankVariable = "ELASTICEP_RANK";
    public const string SocketVariable = "ELASTICEP_SOCKET";
    public const string CasesVariable = "ELASTICEP_CASES";
    public const string ProfileVariable = "ELASTICEP_PROFILE";
    public const string Mark = "WINDOW";

    private static readonly (string Name, KernelTuning Tuning)[] Tunings =
    [
        ("as it is", new KernelTuning()),
        ("two kernels receive", new KernelTuning { ReceiveEntries = 0 }),
        ("4 pieces a block sent", new KernelTuning { DispatchItems = 4 }),
        ("16 pieces a block sent", new KernelTuning { DispatchItems = 16 }),
        ("8 pieces a block received", new KernelTuning { ReceiveItems = 8 }),
        ("2 blocks a multiprocessor return", new KernelTuning { ReturnBlocks = 2 }),
        ("none overlaps", new KernelTuning { OverlapBlocks = 0 }),
        ("more overlap", new KernelTuning { OverlapBlocks = 2 }),
    ];

    public static void Run(Report report)
    {
        var rank = int.Parse(Environment.GetEnvironmentVariable(RankVariable)!, CultureInfo.InvariantCulture);
        using var socket = Connect(rank, Environment.GetEnvironmentVariable(SocketVariable)!);
        using var bench = new Bench(rank);
        using var standIn = bench.Device.LoadKernel(StandIn.Run, threads: 256);
        if (rank == 0)
            report.Note(string.Create(CultureInfo.InvariantCulture, $"{Mark}\tcopy\t{bench.CopyRate:F0}"));
        var only = Environment.GetEnvironmentVariable(CasesVariable);
        foreach (var group in WindowCase.All.Where(shape => only is null || only.Split(',').Contains(shape.Key)).GroupBy(shape => (shape.Hidden, shape.UsesFloat8, shape.IsPreReduced)))
        {
            var layout = new WindowLayout(new WindowShape
            {
                MaxRanks = 2,
                MaxTokens = 512,
                Hidden = group.Key.Hidden,
                RowType = ElementType.BFloat16,
                TopK = Shapes.TopK,
                Experts = group.First().Experts,
                MoeLayers = WindowRun.Layers,
                SlotsPerRank = group.First().Experts / 2,
                UsesFloat8 = group.Key.UsesFloat8,
                IsPreReduced = group.Key.IsPreReduced,
            });
            using var pair = new WindowPair(bench, layout, rank, socket);
            foreach (var shape in group)
            {
                if (Environment.GetEnvironmentVariable(ProfileVariable) is null)
                    Measure(report, shape, pair, standIn);
                else
                    Profile(report, shape, pair, standIn);
            }

            pair.Barrier();
        }
    }

    /// <summary>Rank 0 listens, rank 1 connects; each waits for the other for 20 s.</summary>
    public static Socket Connect(int rank, string path)
    {
        var address = new UnixDomainSocketEndPoint(path);
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        if (rank == 0)
        {
            socket.Bind(address);
            socket.Listen(1);
            using (socket)
                return socket.Accept();
        }

        for (var clock = Stopwatch.StartNew(); ; Thread.Sleep(20))
        {
            try
            {
                socket.Connect(address);
                return socket;
            }
            catch (SocketException) when (clock.Elapsed < TimeSpan.FromSeconds(20))
            {
                // The other process has not come so far.
            }
        }
    }

    /// <summary>Where the time of a layer goes, and other grids side by side.</summary>
    private static void Profile(Report report, WindowCase shape, WindowPair pair, CudaKernel standIn)
    {
        using var run = new WindowRun(shape, pair, standIn);
        foreach (var (name, tuning) in Tunings)
        {
            run.Lane = pair.Exchange.Lane(0, pair.Bench.Stream, tuning);
            var wrong = (int)pair.Max(run.Check(0));
            double[] stages = [.. Enumerable.Range(1, 4).Select(run.TimeStages)];
            if (pair.Rank == 0)
                report.Note(string.Create(CultureInfo.InvariantCulture, $"{shape.Key}, {name}: {wrong} wrong; dispatch {stages[0]:F1}, with receive {stages[1]:F1}, with return {stages[2]:F1}, layer {stages[3]:F1} µs"));
        }
    }

    private static void Measure(Report report, WindowCase shape, WindowPair pair, CudaKernel standIn)
    {
        using var run = new WindowRun(shape, pair, standIn);
        var clock = Stopwatch.StartNew();
        var wrong = (int)pair.Max(run.Check());
        var (received, placed) = run.Counts();
        var layer = run.Time();
        var exchange = shape.HasNcclCheck ? run.TimeExchange() : 0;
        var (rows, entries) = run.Crossing();
        var (most, mostEntries) = (pair.Max(rows), pair.Max(entries));
        wrong += (int)pair.Max(run.Check(0));
        var wrongViews = shape.HasViewCheck ? (int)pair.Max(run.CheckViews()) : 0;
        if (pair.Rank == 0)
            report.Note(string.Create(CultureInfo.InvariantCulture, $"{Mark}\t{shape.Key}\t{wrong}\t{layer:F3}\t{exchange:F3}\t{received}\t{placed}\t{most:F0}\t{mostEntries:F0}\t{wrongViews}\t{clock.Elapsed.TotalSeconds:F2}"));
    }
}
