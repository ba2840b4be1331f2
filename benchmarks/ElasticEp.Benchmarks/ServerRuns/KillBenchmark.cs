using System.Diagnostics;
using ElasticEp.Benchmarks.Steps;
using ElasticEp.Samples.Bench.Measuring;

namespace ElasticEp.Benchmarks.ServerRuns;

/// <summary>
/// What a killed worker costs the streams: worker processes over sockets, steady streams, every expert on two ranks at least, or,
/// with losses=0, lost ones loaded again from disk. One rank after another is killed, the coordinator too, and the group replaces it by itself.
/// </summary>
internal static class KillBenchmark
{
    private const int Seed = 1;
    private const double MedianBar = 0.3;
    private const double ReloadBar = 1; // median, when experts are loaded again
    private const double WorstBar = 1;

    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan PollPeriod = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan StandbyTime = TimeSpan.FromSeconds(6); // in which a standby starts and fetches

    public static async Task<int> RunAsync(string[] args)
    {
        var losses = Numbers.Option(args, "losses", 1);
        var (kills, ranks, streams, standbys) = (Numbers.Option(args, "kills", 30), Numbers.Option(args, "ranks", 4), Numbers.Option(args, "streams", 32), Numbers.Option(args, "standbys", 0));
        await using var server = await ServerProcess.StartAsync(
            Numbers.Text(args, "server"), ranks, "--max-ranks", $"{ranks + standbys}", "--standbys", $"{standbys}", "--tolerated-losses", $"{losses}", "--redundant-experts", $"{Numbers.Option(args, "redundant", losses > 0 ? 32 : 0)}").ConfigureAwait(false);
        Console.WriteLine($"{kills} kills of {ranks} ranks, {streams} streams of 128 tokens in and 256 out, tolerated losses {losses}, {standbys} standbys, seed {Seed}, {Environment.ProcessorCount} processors");
        var clock = new RunClock(TimeProvider.System);
        var load = new SteadyLoad(server.Http, clock, (await server.ReadStateAsync().ConfigureAwait(false)).Model, streams, inputLength: 128, outputLength: 256, vocabulary: 2048, Seed);
        await Task.Delay(TimeSpan.FromSeconds(6)).ConfigureAwait(false);
        var random = new Random(Seed);
        var samples = new List<KillSample>();
        for (var i = 0; i < kills; i++)
        {
            if (standbys > 0)
                await Task.Delay(StandbyTime).ConfigureAwait(false);
            samples.Add(await KillAsync(server, clock, random, ranks).ConfigureAwait(false));
        }

        return Report(samples, await load.EndAsync().ConfigureAwait(false), losses > 0 ? MedianBar : ReloadBar);
    }

    private static async Task<KillSample> KillAsync(ServerProcess server, RunClock clock, Random random, int ranks)
    {
        var victim = (await UntilAsync(server, IsWhole).ConfigureAwait(false)).Ranks[random.Next(ranks)];
        using (var process = Process.GetProcessById(victim.ProcessId!.Value))
            process.Kill();
        var start = clock.Now;
        await UntilAsync(server, state => state.Ranks.All(rank => rank.Incarnation != victim.Incarnation)).ConfigureAwait(false);
        var evicted = clock.Now;
        await UntilAsync(server, IsWhole).ConfigureAwait(false);
        var whole = clock.Now;
        await Task.Delay(TimeSpan.FromSeconds(1.5)).ConfigureAwait(false); // the gap of a stream ends with its next token
        return new KillSample(victim.Rank, start, evicted, whole, clock.Now);

        bool IsWhole(ServerState state) => state.Ranks.Count(rank => rank is { State: "serving", ProcessId: not null }) == ranks && state.Ranks.Count == ranks;
    }

    private static async Task<ServerState> UntilAsync(ServerProcess server, Func<ServerState, bool> isTrue)
    {
        var started = Stopwatch.GetTimestamp();
        while (true)
        {
            var state = await server.ReadStateAsync().ConfigureAwait(false);
            if (isTrue(state))
                return state;
            if (Stopwatch.GetElapsedTime(started) > Deadline)
                throw new TimeoutException($"The group did not become what was waited for within {Deadline}: {state}");
            await Task.Delay(PollPeriod).ConfigureAwait(false);
        }
    }

    private static int Report(List<KillSample> samples, RequestOutcome[] requests, double medianBar)
    {
        var failed = requests.Count(request => !request.IsSuccess);
        var gaps = samples.ConvertAll(sample => StreamGaps.Longest(requests, sample.Start, sample.End)?.Length ?? throw new InvalidOperationException("No stream ran during a kill."));
        Console.WriteLine($"{requests.Length} streams, {failed} failed");
        Console.WriteLine();
        Console.WriteLine("| killed | kills | out of the view after, ms: median, most | longest gap of any stream, ms: median, most | replaced after, ms: median, most |");
        Console.WriteLine("|---|---|---|---|---|");
        foreach (var rank in samples.Select(sample => sample.Rank).Distinct().Order())
            Print($"rank {rank}", sample => sample.Rank == rank);
        Print("any", _ => true);
        return failed == 0 && Numbers.Median(gaps) <= medianBar && gaps.Max() <= WorstBar ? 0 : 1;

        void Print(string name, Func<KillSample, bool> isMeant)
        {
            var some = Enumerable.Range(0, samples.Count).Where(i => isMeant(samples[i])).ToArray();
            var (evictions, lengths) = (some.Select(i => (samples[i].Evicted - samples[i].Start) * 1000).ToArray(), some.Select(i => gaps[i] * 1000).ToArray());
            var replacements = some.Select(i => (samples[i].Whole - samples[i].Start) * 1000).ToArray();
            Console.WriteLine($"| {name} | {some.Length} | {Numbers.Median(evictions):0}, {evictions.Max():0} | {Numbers.Median(lengths):0}, {lengths.Max():0} | {Numbers.Median(replacements):0}, {replacements.Max():0} |");
        }
    }

    /// <summary>One kill; times in seconds of the run's clock.</summary>
    /// <param name="Rank">Which rank was killed.</param>
    /// <param name="Start">When.</param>
    /// <param name="Evicted">When the gateway's view was without it.</param>
    /// <param name="Whole">When another process had taken its place.</param>
    /// <param name="End">Until when gaps are its.</param>
    private readonly record struct KillSample(int Rank, double Start, double Evicted, double Whole, double End);
}
