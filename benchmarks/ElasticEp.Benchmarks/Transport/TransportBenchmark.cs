using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace ElasticEp.Benchmarks.Transport;

/// <summary>
/// One-way streaming on the data link, and round trips on the control link, between two processes; against plain asynchronous
/// sockets in the same rounds, one after the other.
/// </summary>
internal static class TransportBenchmark
{
    private const long BytesPerRound = 256L << 20;
    private const int RoundTrips = 2000;

    private static readonly int[] Sizes = [64 << 10, 256 << 10, 1 << 20, 4 << 20];

    public static async Task<int> RunAsync(string[] args)
    {
        var rounds = args.FirstOrDefault(arg => arg.StartsWith("rounds=", StringComparison.Ordinal)) is { } given ? int.Parse(given[7..], CultureInfo.InvariantCulture) : 11;
        using var peer = PeerProcess.Start("transport-peer");
        var addresses = (await peer.ReadLineAsync()).Split(' ');
        Console.WriteLine($"{rounds} rounds of {BytesPerRound >> 20} MiB each way of sending, {Environment.ProcessorCount} processors");
        Console.WriteLine("| link | frame | GB/s | GB/s, plain socket | ratio (median, min to max) | allocated a frame |");
        Console.WriteLine("|---|---|---|---|---|---|");
        using var plainOverTcp = await PlainSender.ConnectAsync(IPEndPoint.Parse(addresses[0]));
        using var plainOverUnix = await PlainSender.ConnectAsync(new UnixDomainSocketEndPoint('\0' + addresses[1]));
        var links = FrameLinks.Present.Zip(addresses[2..]).Take(2).ToArray(); // UCX has a benchmark of its own
        var senders = new List<(FrameLink Link, FrameSender Frames, PlainSender Plain)>();
        foreach (var (link, address) in links)
            senders.Add((link, await FrameSender.ConnectAsync(address, link), link == FrameLink.Tcp ? plainOverTcp : plainOverUnix));
        foreach (var size in Sizes)
        {
            foreach (var (link, frames, plain) in senders)
                await CompareAsync($"{link}", size, rounds, frames, plain);
        }

        Console.WriteLine();
        Console.WriteLine("| link | round trip of 64 bytes, µs (median, p99) | plain socket | ratio of medians |");
        Console.WriteLine("|---|---|---|---|");
        foreach (var (link, frames, plain) in senders)
        {
            await CompareLatencyAsync($"{link}", rounds, frames, plain);
            await frames.DisposeAsync();
        }

        return 0;
    }

    private static async Task CompareAsync(string name, int size, int rounds, FrameSender frames, PlainSender plain)
    {
        var (ours, theirs, ratios) = (new List<double>(), new List<double>(), new List<double>());
        var count = (int)(BytesPerRound / size);
        long allocated = 0;
        for (var round = -1; round < rounds; round++)
        {
            var before = GC.GetTotalAllocatedBytes(precise: true);
            var a = await TimeAsync(() => frames.StreamAsync(size, count));
            allocated = GC.GetTotalAllocatedBytes(precise: true) - before;
            var b = await TimeAsync(() => plain.StreamAsync(size, count));
            if (round < 0)
                continue; // warm-up
            ours.Add(BytesPerRound / a / 1e9);
            theirs.Add(BytesPerRound / b / 1e9);
            ratios.Add(b / a);
        }

        Console.WriteLine($"| {name} | {size >> 10} KiB | {Median(ours):0.00} | {Median(theirs):0.00} | {Median(ratios):0.00} ({ratios.Min():0.00} to {ratios.Max():0.00}) | {(double)allocated / count:0} B |");
    }

    private static async Task CompareLatencyAsync(string name, int rounds, FrameSender frames, PlainSender plain)
    {
        var (ours, theirs) = (new List<double>(), new List<double>());
        for (var round = -1; round < rounds; round++)
        {
            var (a, b) = (new List<double>(), new List<double>());
            for (var i = 0; i < RoundTrips; i++)
                a.Add(await TimeAsync(frames.RoundTripAsync) * 1e6);
            for (var i = 0; i < RoundTrips; i++)
                b.Add(await TimeAsync(plain.RoundTripAsync) * 1e6);
            if (round < 0)
                continue;
            ours.AddRange(a);
            theirs.AddRange(b);
        }

        Console.WriteLine($"| {name} | {Median(ours):0.0}, {Percentile(ours, 0.99):0.0} | {Median(theirs):0.0}, {Percentile(theirs, 0.99):0.0} | {Median(ours) / Median(theirs):0.00} |");
    }

    private static async Task<double> TimeAsync(Func<Task> run)
    {
        var started = Stopwatch.GetTimestamp();
        await run();
        return Stopwatch.GetElapsedTime(started).TotalSeconds;
    }

    private static double Median(List<double> values) => Percentile(values, 0.5);

    private static double Percentile(List<double> values, double share) => values.Order().ElementAt((int)(share * (values.Count - 1)));
}
