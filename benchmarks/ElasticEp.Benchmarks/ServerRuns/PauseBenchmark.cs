using ElasticEp.Benchmarks.Steps;
using ElasticEp.Samples.Bench.Measuring;
using ElasticEp.Samples.Server.Elastic;

namespace ElasticEp.Benchmarks.ServerRuns;

/// <summary>
/// What a resize costs the streams: worker processes over sockets, warm standbys, steady streams; resizes up and down in turns, with
/// quiet periods between them in which the steps are timed.
/// </summary>
internal static class PauseBenchmark
{
    private const int Seed = 1;
    private const double Bar = 2;

    public static async Task<int> RunAsync(string[] args)
    {
        var (resizes, small, large) = (Numbers.Option(args, "resizes", 20), Numbers.Option(args, "small", 2), Numbers.Option(args, "large", 4));
        var streams = Numbers.Option(args, "streams", 8);
        var timing = PauseTiming.From(args);
        await using var server = await ServerProcess.StartAsync(Numbers.Text(args, "server"), small, "--max-ranks", $"{large}", "--standbys", $"{large - small}").ConfigureAwait(false);
        Console.WriteLine($"{resizes} resizes between {small} and {large} ranks, {streams} streams, seed {Seed}, {Environment.ProcessorCount} processors");
        var clock = new RunClock(TimeProvider.System);
        var model = (await server.ReadStateAsync().ConfigureAwait(false)).Model;
        var load = new SteadyLoad(server.Http, clock, model, streams, inputLength: 64, outputLength: 512, vocabulary: 2048, Seed);
        await Task.Delay(timing.WarmUp).ConfigureAwait(false);
        var (samples, quiet) = (new List<PauseSample>(), new StepWindow());
        for (var i = 0; i < resizes; i++)
            samples.Add(await ResizeAsync(server, clock, i % 2 == 0 ? large : small, timing, quiet).ConfigureAwait(false));
        var pause = Numbers.Median(samples.SelectMany(sample => sample.Pauses));
        var requests = await load.EndAsync().ConfigureAwait(false);
        if (requests.All(request => request.IsSuccess))
            Figures.Write(args, [new Figure($"{small} to {large} ranks and back: ms of pause", pause)]);
        return Report(samples, pause, quiet, requests);
    }

    private static async Task<PauseSample> ResizeAsync(ServerProcess server, RunClock clock, int size, PauseTiming timing, StepWindow quiet)
    {
        var begin = await server.ReadStateAsync().ConfigureAwait(false);
        await Task.Delay(timing.Quiet).ConfigureAwait(false);
        var before = await server.ReadStateAsync().ConfigureAwait(false);
        quiet.Add(begin, before);
        var start = clock.Now;
        var answer = await server.ScaleAsync(size).ConfigureAwait(false);
        var end = clock.Now;
        await Task.Delay(timing.Reports).ConfigureAwait(false);
        var after = await server.ReadStateAsync().ConfigureAwait(false);
        return new PauseSample(size, start, end, answer, PausesOf(before, after), after.HandedBackRequests - before.HandedBackRequests);
    }

    private static double[] PausesOf(ServerState before, ServerState after) =>
    [
        .. after.Ranks
            .Where(rank => before.Ranks.Any(other => other.Incarnation == rank.Incarnation))
            .Select(rank => rank.LastPauseMs ?? throw new InvalidOperationException($"Rank {rank.Rank} has not reported.")),
    ];

    private static int Report(List<PauseSample> samples, double pause, StepWindow quiet, RequestOutcome[] requests)
    {
        var p99 = quiet.Quantile(0.99);
        var failed = requests.Count(request => !request.IsSuccess);
        Console.WriteLine($"{requests.Length} streams, {failed} failed; {quiet.Steps} steps in the quiet periods: median {quiet.Quantile(0.5):0.00} ms, p99 {p99:0.00} ms");
        Console.WriteLine($"pause: median {pause:0.00} ms, {pause / p99:0.00} of the quiet p99 step time; at most {Bar} is asked for");
        Console.WriteLine();
        Console.WriteLine("| resize | pause of a rank, ms: median, most | longest gap of a stream, ms: median, most | the same without handed-back streams | handed back | launch / transfer / drain / switch, ms (medians) |");
        Console.WriteLine("|---|---|---|---|---|---|");
        foreach (var size in samples.Select(sample => sample.Size).Distinct())
            Print(size, [.. samples.Where(sample => sample.Size == size)], requests);
        return failed == 0 && pause <= Bar * p99 ? 0 : 1;
    }

    private static void Print(int size, PauseSample[] samples, RequestOutcome[] requests)
    {
        var pauses = samples.SelectMany(sample => sample.Pauses).ToArray();
        var gaps = samples.Select(sample => LongestGaps(requests, sample)).ToArray();
        var all = gaps.Select(streams => streams[0]).ToArray();
        var others = gaps.Select((streams, i) => streams[Math.Min(streams.Length - 1, (int)samples[i].HandedBack)]).ToArray();
        Console.WriteLine(
            $"| to {size} | {Numbers.Median(pauses):0.00}, {pauses.Max():0.00} | {Numbers.Median(all):0.0}, {all.Max():0.0} | {Numbers.Median(others):0.0}, {others.Max():0.0} | {samples.Sum(sample => sample.HandedBack)} | {Stage(sample => sample.LaunchMs)} / {Stage(sample => sample.TransferMs)} / {Stage(sample => sample.DrainMs)} / {Stage(sample => sample.SwitchMs)} |");

        string Stage(Func<ScaleAnswer, double> value) => $"{Numbers.Median(samples.Select(sample => value(sample.Answer))):0.0}";
    }

    /// <summary>The longest gap, in milliseconds, of each stream during a resize, the longest first. A stream that was handed back is taken to have a longer one than the others.</summary>
    private static double[] LongestGaps(RequestOutcome[] requests, PauseSample sample)
    {
        var gaps = requests.Select(request => (StreamGaps.Longest([request], sample.Start, sample.End)?.Length ?? 0) * 1000).Where(gap => gap > 0).OrderDescending().ToArray();
        return gaps.Length > 0 ? gaps : throw new InvalidOperationException($"No stream ran while the group was resized to {sample.Size}.");
    }
}
