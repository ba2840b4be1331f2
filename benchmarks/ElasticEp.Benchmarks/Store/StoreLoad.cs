using System.Diagnostics;
using System.Net.Sockets;

namespace ElasticEp.Benchmarks.Store;

/// <summary>Connections that ask one thing after another, each waiting for its answer.</summary>
internal sealed class StoreLoad(IStoreDialect dialect, IReadOnlyList<Socket> sockets)
{
    private const int Keys = 64;

    private static readonly byte[] Value = [.. Enumerable.Range(0, 64).Select(i => (byte)i)];

    /// <summary>Runs for a while: answers per second, and each answer's time in seconds.</summary>
    public async Task<(double Rate, List<double> Latencies)> RunAsync(StoreRequest request, int connections, TimeSpan duration)
    {
        var until = Stopwatch.GetTimestamp() + (long)(duration.TotalSeconds * Stopwatch.Frequency);
        var started = Stopwatch.GetTimestamp();
        var runs = await Task.WhenAll(Enumerable.Range(0, connections).Select(connection => Task.Run(() => RunOneAsync(request, connection, until))));
        var latencies = runs.SelectMany(run => run).ToList();
        return (latencies.Count / Stopwatch.GetElapsedTime(started).TotalSeconds, latencies);
    }

    private async Task<List<double>> RunOneAsync(StoreRequest request, int connection, long until)
    {
        var (socket, latencies) = (sockets[connection], new List<double>(1 << 16));
        var buffer = GC.AllocateUninitializedArray<byte>(4096, pinned: true);
        var requests = Enumerable.Range(0, Keys).Select(key =>
        {
            var bytes = new byte[512];
            var length = dialect.Encode(request, $"bench/{(request == StoreRequest.Add ? "counter" : "value")}/{connection}/{key}", Value, bytes);
            return bytes.AsMemory(0, length);
        }).ToArray();
        for (var i = 0; ; i++)
        {
            var began = Stopwatch.GetTimestamp();
            if (began > until)
                return latencies;
            await socket.SendAsync(requests[i % Keys], SocketFlags.None);
            for (var received = 0; received == 0 || !dialect.IsAnswer(buffer.AsSpan(0, received));)
            {
                var count = await socket.ReceiveAsync(buffer.AsMemory(received), SocketFlags.None);
                received += count > 0 ? count : throw new InvalidOperationException($"{dialect.Name} has closed the connection.");
            }

            latencies.Add(Stopwatch.GetElapsedTime(began).TotalSeconds);
        }
    }
}
