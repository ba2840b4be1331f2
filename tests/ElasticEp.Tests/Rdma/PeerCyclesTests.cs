using System.Globalization;
using ElasticEp.TestKit;
using ElasticEp.Tests.Tcp;
using ElasticEp.Transport;

namespace ElasticEp.Tests.Rdma;

/// <summary>Peers that connect and are killed, one after another: what the process that lives through all of them holds stays the same.</summary>
[Collection(nameof(AloneCollection))]
public sealed class PeerCyclesTests(ITestOutputHelper output)
{
    private const int Cycles = 500;
    private const int Warm = 50; // by then pools have what they need
    private const int Large = 4 << 20;
    private const int Small = 4000;
    private const int Slack = 8; // descriptors and threads: the pool's come and go
    private const long ResidentSlack = 32 << 20; // bytes: 64 KiB a cycle, and a connection over shared memory has more than 4 MiB

    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60);

    [Theory]
    [InlineData(UcxPath.SharedMemory)]
    [InlineData(UcxPath.Tcp)]
    public async Task Five_hundred_peers_that_are_killed_leave_descriptors_threads_and_memory_where_they_were(UcxPath path)
    {
        Assert.SkipWhen(Environment.GetEnvironmentVariable("ELASTICEP_SOAK") != "true", "ELASTICEP_SOAK=true runs what takes long.");
        var handler = new CountingHandler();
        await using var transport = path.Create().Rdma;
        await transport.StartAsync(new PeerIdentity("test", new MemberId(0, 1), "", "hidden=16"), handler, TestContext.Current.CancellationToken);
        var warm = default(Held);
        for (var cycle = 1; cycle <= Cycles; cycle++)
        {
            var length = cycle % 2 == 0 ? Large : Small;
            var isSender = cycle % 4 < 2;
            using var peer = await PeerProcess.StartAsync(path.Options().Transports!, new MemberId(1, cycle), isSender ? length : 0).WaitAsync(Deadline);
            var begun = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            handler.OnBegun = OnBegun;
            await transport.ConnectAsync(peer.Id, peer.Address, TestContext.Current.CancellationToken).AsTask().WaitAsync(Deadline);
            Assert.Equal($"up {peer.Id}", await handler.NextEventAsync(Deadline));
            var sending = isSender ? Task.CompletedTask : PeerFlood.SendAsync(transport, peer.Id, length, OnBegun);
            await begun.Task.WaitAsync(Deadline);
            peer.Kill();
            Assert.Equal($"down {peer.Id} Reset", await handler.NextEventAsync(Deadline));
            await sending.WaitAsync(Deadline);
            await peer.WaitForExitAsync(TestContext.Current.CancellationToken).WaitAsync(Deadline);
            if (cycle is Warm or Cycles || cycle % 100 == 0)
            {
                var held = Held.Read();
                output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{path}, cycle {cycle}: {held}"));
                if (cycle == Warm)
                    warm = held;
            }

            void OnBegun(int frame)
            {
                if (frame > cycle % 7)
                    begun.TrySetResult();
            }
        }

        var last = Held.Read();
        Assert.InRange(last.Descriptors, 0, warm.Descriptors + Slack);
        Assert.InRange(last.Threads, 0, warm.Threads + Slack);
        Assert.InRange(last.Resident, 0, warm.Resident + ResidentSlack);
        Assert.Equal(0, handler.Open);
    }

    /// <summary>What this process holds.</summary>
    private readonly record struct Held(int Descriptors, int Threads, long Resident)
    {
        public static Held Read()
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
            GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
            var resident = File.ReadLines("/proc/self/status").First(line => line.StartsWith("VmRSS:", StringComparison.Ordinal));
            return new Held(
                Directory.GetFiles("/proc/self/fd").Length,
                Directory.GetDirectories("/proc/self/task").Length,
                long.Parse(resident.Split(' ', StringSplitOptions.RemoveEmptyEntries)[^2], CultureInfo.InvariantCulture) << 10);
        }

        public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Descriptors} descriptors, {Threads} threads, {Resident >> 20} MiB resident");
    }
}
