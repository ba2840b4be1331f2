using System.Diagnostics;
using System.Globalization;

namespace ElasticEp.Benchmarks.Transport;

/// <summary>
/// Frames of the RDMA transport against a C program that makes the same calls of UCX, and against our TCP transport over TCP and Unix domain sockets:
/// one after the other in each round, between two processes.
/// </summary>
internal static class UcxBenchmark
{
    private const long BytesPerRound = 128L << 20;
    private const int RoundTrips = 5000;

    private static readonly int[] Sizes = [4 << 10, 64 << 10, 256 << 10, 1 << 20, 4 << 20];

    public static async Task<int> RunAsync(string[] args)
    {
        var rounds = args.FirstOrDefault(arg => arg.StartsWith("rounds=", StringComparison.Ordinal)) is { } given ? int.Parse(given[7..], CultureInfo.InvariantCulture) : 11;
        using var twin = UcxTwin.TryCreate();
        if (twin is null)
            return 1;
        using var peer = PeerProcess.Start("transport-peer");
        var addresses = (await peer.ReadLineAsync()).Split(' ')[2..];
        var senders = new List<(FrameLink Link, FrameSender Frames)>();
        foreach (var (link, address) in FrameLinks.Present.Zip(addresses))
            senders.Add((link, await FrameSender.ConnectAsync(address, link)));
        Console.WriteLine($"{rounds} rounds of up to {BytesPerRound >> 20} MiB, {Environment.ProcessorCount} processors; medians");
        Console.WriteLine($"| frame | {string.Join(" | ", senders.Select(sender => sender.Link))} | C, shared memory | C, UCX's TCP | shared memory / C (median, min to max) | UCX's TCP / C |");
        Console.WriteLine($"|---|{string.Concat(Enumerable.Repeat("---|", senders.Count + 4))}");
        foreach (var size in Sizes)
        {
            var count = (int)Math.Min(20_000, BytesPerRound / size);
            await CompareAsync($"{size >> 10} KiB, GB/s", rounds, senders, frames => frames.StreamAsync(size, count), path => twin.RunAsync(path, size, count), seconds => (double)size * count / seconds / 1e9);
        }

        await CompareAsync("round trip, µs", rounds, senders, RoundTripsAsync, path => twin.RunAsync(path, 0, RoundTrips), seconds => seconds / RoundTrips * 1e6);
        foreach (var (_, frames) in senders)
            await frames.DisposeAsync();
        return 0;
    }

    private static async Task RoundTripsAsync(FrameSender frames)
    {
        for (var i = 0; i < RoundTrips; i++)
            await frames.RoundTripAsync();
    }

    private static async Task CompareAsync(string name, int rounds, List<(FrameLink Link, FrameSender Frames)> senders, Func<FrameSender, Task> ours, Func<string, Task<double>> theirs, Func<double, double> figure)
    {
        var columns = Enumerable.Range(0, senders.Count + 4).Select(_ => new List<double>()).ToArray();
        for (var round = -1; round < rounds; round++)
        {
            var row = new List<double>();
            foreach (var (_, frames) in senders)
            {
                var started = Stopwatch.GetTimestamp();
                await ours(frames);
                row.Add(figure(Stopwatch.GetElapsedTime(started).TotalSeconds));
            }

            foreach (var path in (string[])["sm", "tcp"])
                row.Add(figure(await theirs(path)));
            row.Add(row[(int)FrameLink.UcxSharedMemory] / row[^2]);
            row.Add(row[(int)FrameLink.UcxTcp] / row[^2]);
            for (var column = 0; round >= 0 && column < columns.Length; column++)
                columns[column].Add(row[column]); // the first round is for warming up
        }

        var ratio = columns[^2].Order().ToList();
        var medians = columns.Select(column => column.Order().ElementAt(column.Count / 2)).ToArray();
        Console.WriteLine($"| {name} | {string.Join(" | ", medians[..^2].Select(value => value.ToString("0.00", CultureInfo.InvariantCulture)))} | {medians[^2]:0.00} ({ratio[0]:0.00} to {ratio[^1]:0.00}) | {medians[^1]:0.00} |");
    }
}
