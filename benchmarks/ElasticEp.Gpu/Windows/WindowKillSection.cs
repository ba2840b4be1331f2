using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using ElasticEp.Cuda;
using ElasticEp.Cuda.Kernels;
using ElasticEp.Cuda.Windows;

namespace ElasticEp.Gpu.Windows;

/// <summary>
/// One survivor on GPU 0 through all rounds; in each a new process on GPU 1 is killed while a test word holds its sending kernel half way, so
/// that part of its rows has arrived and the tag has not.
/// </summary>
internal static class WindowKillSection
{
    public const string Dispatch = "kill -9 inside a dispatch: the wait ends within 1 ms, the context is usable";
    public const string Return = "kill -9 inside a return: the wait ends within 1 ms, the context is usable";
    public const string Stopped = "what a stopped process writes later lands in its retired window alone";

    /// <summary>Fewer kills of each kind, for a look: the checks then fail, and say what was seen.</summary>
    public const string KillsVariable = "ELASTICEP_KILLS";

    private const int RoundsEach = 50;
    private const int Ahead = 6;
    private const int HeldLayer = 2;
    private const int Layers = 4;
    private const int LongestMilliseconds = 1;
    private static readonly WindowCase Shape = new(256, 7168, UsesFloat8: false, IsPreReduced: false);
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(90);
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(10);

    public static void Run(Report report)
    {
        if (CudaDevice.Probe(out var reason) < 2)
        {
            report.Note($"It needs two GPUs. {reason}");
            return;
        }

        var folder = Directory.CreateTempSubdirectory("elastic-ep-kill-").FullName;
        var clock = Stopwatch.StartNew();
        var victims = new Queue<WindowVictim>();
        using var bench = new Bench(0, measuresCopy: false);
        var times = new Dictionary<int, List<double>> { [Signals.Dispatch] = [], [Signals.Return] = [] };
        var bad = new Dictionary<int, int> { [Signals.Dispatch] = 0, [Signals.Return] = 0 };
        try
        {
            var rounds = 0;
            var most = int.TryParse(Environment.GetEnvironmentVariable(KillsVariable), CultureInfo.InvariantCulture, out var kills) ? kills : RoundsEach;
            for (; rounds < 2 * most && clock.Elapsed < Limit; rounds++)
            {
                var operation = rounds % 2 == 0 ? Signals.Dispatch : Signals.Return;
                using var victim = Next(victims, folder, rounds + 2, report);
                using var survivor = new WindowSurvivor(bench, victim, Layout(), Shape);
                survivor.RunUntilHeld(operation, HeldLayer, Layers, Deadline);
                victim.End();
                times[operation].Add(survivor.EndAttempt(operation, HeldLayer));
                bad[operation] += survivor.IsUsable() ? 0 : 1;
            }

            using var stopped = Next(victims, folder, rounds + 2, report);
            using var last = new WindowSurvivor(bench, stopped, Layout(), Shape);
            last.RunUntilHeld(Signals.Dispatch, HeldLayer, Layers, Deadline);
            stopped.Pause();
            var ended = last.EndAttempt(Signals.Dispatch, HeldLayer);
            var what = last.SurviveStopped(stopped, HeldLayer, steps: 100);
            report.Check(Stopped, what.Length == 0, what.Length == 0 ? string.Create(CultureInfo.InvariantCulture, $"the wait ended after {ended:F2} ms; 100 steps alone; then its rows, to the last bit, and its tag arrived") : what);
        }
        finally
        {
            foreach (var victim in victims)
                victim.Dispose();
        }

        Judge(report, Dispatch, times[Signals.Dispatch], bad[Signals.Dispatch]);
        Judge(report, Return, times[Signals.Return], bad[Signals.Return]);
        Directory.Delete(folder, recursive: true);
    }

    public static void RunVictim(Report report)
    {
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Connect(new UnixDomainSocketEndPoint(Environment.GetEnvironmentVariable(WindowsRankSection.SocketVariable)!));
        var incarnation = long.Parse(Environment.GetEnvironmentVariable(WindowsRankSection.RankVariable)!, CultureInfo.InvariantCulture);
        using var bench = new Bench(1, measuresCopy: false);
        using var pair = new WindowPair(bench, Layout(), 1, socket, incarnation: incarnation);
        using var rank = new WindowLayers(pair, Shape);
        pair.EnterBoth();
        pair.Barrier();
        var order = new byte[1];
        Receive(socket, order);
        rank.Launch(incarnation, 1, Layers, Deadline, (HeldLayer, order[0]));
        var tag = WindowTag.Of(incarnation, 1) + HeldLayer + 1;
        while (pair.Exchange.Words.Held != tag)
            Thread.Yield();
        socket.Send([(byte)'H']);
        Receive(socket, order); // where it is only stopped it is told to go on
        pair.Exchange.Words.Release(tag);
        bench.Stream.Synchronize();
        socket.Send([(byte)'G']);
        Receive(socket, order);
        report.Note("the victim has ended by itself");
    }

    private static void Receive(Socket socket, byte[] order)
    {
        if (socket.Receive(order) != 1)
            throw new InvalidOperationException("The survivor has gone.");
    }

    private static WindowLayout Layout() => new(new WindowShape
    {
        MaxRanks = 2,
        MaxTokens = Shape.Tokens,
        Hidden = Shape.Hidden,
        RowType = ElementType.BFloat16,
        TopK = Shapes.TopK,
        Experts = Shape.Experts,
        MoeLayers = Layers,
        SlotsPerRank = Shape.Experts / 2,
    });

    private static WindowVictim Next(Queue<WindowVictim> victims, string folder, long incarnation, Report report)
    {
        while (victims.Count < Ahead)
            victims.Enqueue(new WindowVictim(folder, incarnation + victims.Count, report));
        return victims.Dequeue();
    }

    private static void Judge(Report report, string name, List<double> times, int bad)
    {
        times.Sort();
        if (times.Count > 0)
            report.Check(name, bad == 0 && times.Count == RoundsEach && times[^1] <= LongestMilliseconds, string.Create(CultureInfo.InvariantCulture, $"{times.Count} of {RoundsEach} kills; ended after {times[0]:F2} to {times[^1]:F2} ms, median {times[times.Count / 2]:F2}; context unusable {bad} times"));
    }
}
