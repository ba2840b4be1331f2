using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using ElasticEp.Benchmarks.Transport;
using ElasticEp.Transports.Tcp.Connecting;

namespace ElasticEp.Benchmarks.Store;

/// <summary>
/// Our store server against Debian's redis-server, each in a process of its own, asked by the same load generator in the same rounds,
/// one after the other.
/// </summary>
internal static class StoreBenchmark
{
    private const int MaxConnections = 64;

    private static readonly TimeSpan Slice = TimeSpan.FromMilliseconds(400);

    public static async Task<int> RunAsync(string[] args)
    {
        var rounds = args.FirstOrDefault(arg => arg.StartsWith("rounds=", StringComparison.Ordinal)) is { } given ? int.Parse(given[7..], CultureInfo.InvariantCulture) : 9;
        if (Find("redis-server") is not { } redisPath)
        {
            Console.Error.WriteLine("redis-server is not there; install it (Debian: apt-get install redis-server) to compare with it.");
            return 2;
        }

        using var ours = PeerProcess.Start("store-peer");
        var port = FreePort();
        using var redis = Process.Start(new ProcessStartInfo(redisPath, ["--port", $"{port}", "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]) { RedirectStandardOutput = true })!;
        try
        {
            var elastic = new StoreLoad(new ElasticDialect(), await DialOursAsync(HostAddress.Parse(await ours.ReadLineAsync())));
            var resp = new StoreLoad(new RedisDialect(), await DialAsync(port));
            await CompareAsync(elastic, resp, rounds);
            return 0;
        }
        finally
        {
            redis.Kill();
        }
    }

    private static async Task CompareAsync(StoreLoad ours, StoreLoad redis, int rounds)
    {
        Console.WriteLine($"{rounds} rounds of {Slice.TotalMilliseconds:0} ms, values of 64 bytes, {Environment.ProcessorCount} processors");
        Console.WriteLine("| request | connections | answers/s | Redis | ratio (median, min to max) | µs (median, p99) | Redis |");
        Console.WriteLine("|---|---|---|---|---|---|---|");
        await ours.RunAsync(StoreRequest.Set, MaxConnections, Slice);
        await redis.RunAsync(StoreRequest.Set, MaxConnections, Slice);
        foreach (var request in (StoreRequest[])[StoreRequest.Get, StoreRequest.Set, StoreRequest.Add])
        {
            foreach (var connections in (int[])[1, 8, MaxConnections])
            {
                var (rates, theirs, ratios) = (new List<double>(), new List<double>(), new List<double>());
                var (latencies, theirLatencies) = (new List<double>(), new List<double>());
                for (var round = -1; round < rounds; round++)
                {
                    var a = await ours.RunAsync(request, connections, Slice);
                    var b = await redis.RunAsync(request, connections, Slice);
                    if (round < 0)
                        continue; // warm-up
                    rates.Add(a.Rate);
                    theirs.Add(b.Rate);
                    ratios.Add(a.Rate / b.Rate);
                    latencies.AddRange(a.Latencies);
                    theirLatencies.AddRange(b.Latencies);
                }

                Console.WriteLine($"| {request} | {connections} | {At(rates, 0.5):0} | {At(theirs, 0.5):0} | {At(ratios, 0.5):0.00} ({ratios.Min():0.00} to {ratios.Max():0.00}) | {At(latencies, 0.5) * 1e6:0.0}, {At(latencies, 0.99) * 1e6:0.0} | {At(theirLatencies, 0.5) * 1e6:0.0}, {At(theirLatencies, 0.99) * 1e6:0.0} |");
            }
        }
    }

    private static async Task<IReadOnlyList<Socket>> DialOursAsync(HostAddress address)
    {
        var dialer = new TcpDialer(new TcpSecurity(JoinSecret.None, null), TimeSpan.FromSeconds(5), TimeProvider.System);
        var sockets = new List<Socket>();
        for (var i = 0; i < MaxConnections; i++)
            sockets.Add((await dialer.DialAsync(address, LinkPurpose.Store, CancellationToken.None)).Socket);
        return sockets;
    }

    private static async Task<IReadOnlyList<Socket>> DialAsync(int port)
    {
        var (sockets, started) = (new List<Socket>(), Stopwatch.GetTimestamp());
        while (sockets.Count < MaxConnections)
        {
            var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            try
            {
                await socket.ConnectAsync(IPAddress.Loopback, port);
                sockets.Add(socket);
            }
            catch (SocketException) when (Stopwatch.GetElapsedTime(started) < TimeSpan.FromSeconds(5))
            {
                socket.Dispose(); // it is still starting
            }
        }

        return sockets;
    }

    private static string? Find(string program) => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Append("/usr/bin")
        .Select(directory => Path.Combine(directory, program)).FirstOrDefault(File.Exists);

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private static double At(List<double> values, double share) => values.Order().ElementAt((int)(share * (values.Count - 1)));
}
