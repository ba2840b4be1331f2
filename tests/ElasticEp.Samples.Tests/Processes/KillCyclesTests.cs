using System.Diagnostics;
using ElasticEp.Samples.Tests.Model;

namespace ElasticEp.Samples.Tests.Processes;

/// <summary>Kills, replacements and resizes, again and again: what the gateway and a worker that lives through all of them hold stays the same.</summary>
[Collection(nameof(ProcessCollection))]
public sealed class KillCyclesTests(ITestOutputHelper output)
{
    private const int Ranks = 3;
    private const int Cycles = 200;
    private const int Slack = 3;

    [Fact]
    public async Task Two_hundred_cycles_leave_descriptors_threads_and_memory_where_they_were()
    {
        Soak.Require();
        var start = new ProcessStartInfo(ProcessServer.Executable, ["--ranks", $"{Ranks}", "--tolerated-losses", "1", "--redundant-experts", "32"]);
        start.Environment["DOTNET_GCgen0size"] = "0x400000"; // what is resident is in use then, and not room that the collector keeps
        start.Environment["DOTNET_gcConcurrent"] = "0";
        start.Environment["ElasticEp__FlightRecorderEvents"] = "500"; // the history of each rank, full after a few cycles
        start.Environment["DOTNET_TieredCompilation"] = "0"; // code that is called once a cycle is compiled again for hundreds of them else
        await using var server = await ProcessServer.StartGatewayAsync(start);
        await server.WaitForRanksAsync(Ranks);
        var steady = (await server.Client.ViewAsync()).ProcessIds[0];
        var at = new Dictionary<int, Held>();
        for (var cycle = 1; cycle <= Cycles; cycle++)
        {
            await CycleAsync(server, cycle);
            if (cycle is 20 or 50 or Cycles)
            {
                at[cycle] = await SettleAsync(server, steady);
                output.WriteLine($"cycle {cycle}: {at[cycle]}");
            }
        }

        foreach (var (before, after) in (ReadOnlySpan<(int[], int[])>)[(at[20].Descriptors, at[Cycles].Descriptors), (at[20].Threads, at[Cycles].Threads)])
        {
            for (var process = 0; process < before.Length; process++)
                Assert.InRange(after[process], before[process] - Slack, before[process] + Slack);
        }

        for (var process = 0; process < at[50].Resident.Length; process++)
            Assert.InRange(at[Cycles].Resident[process], 0, at[50].Resident[process] * 1.02);
    }

    private static async Task CycleAsync(ProcessServer server, int cycle)
    {
        var victim = (await server.Client.ViewAsync()).ProcessIds[1 + (cycle % (Ranks - 1))];
        using (var process = Process.GetProcessById(victim))
            process.Kill();
        await server.WaitUntilAsync(async () => await server.Client.ViewAsync() is { Ranks.Length: Ranks } view && !view.ProcessIds.Contains(victim), $"another process in place of {victim}");
        await server.Client.ScaleAsync(new { new_data_parallel_size = Ranks + 1 });
        await server.Client.ScaleAsync(new { new_data_parallel_size = Ranks });
        var golden = GoldenFile.Cases[cycle % GoldenFile.Cases.Count];
        Assert.Equal(golden.GreedyIds, await server.Client.CompleteAsync(golden.PromptIds, golden.GreedyIds.Length));
    }

    /// <summary>The lowest of what is held within some seconds: connections end, and a pool's threads, when they have had no work for a while.</summary>
    private static async Task<Held> SettleAsync(ProcessServer server, int steady)
    {
        int[] processes = [server.Id, steady];
        await server.WaitUntilAsync(() => Task.FromResult(server.Workers.Length == Ranks), "the leavers to end");
        var lowest = Read();
        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(1));
        for (var second = 0; second < 40 && await timer.WaitForNextTickAsync(); second++)
        {
            var now = Read();
            lowest = new Held(Lower(lowest.Descriptors, now.Descriptors), Lower(lowest.Threads, now.Threads), [.. lowest.Resident.Zip(now.Resident, Math.Min)]);
        }

        return lowest;

        Held Read() => new([.. processes.Select(ProcFiles.Descriptors)], [.. processes.Select(ProcFiles.Threads)], [.. processes.Select(ProcFiles.Resident)]);

        static int[] Lower(int[] one, int[] other) => [.. one.Zip(other, Math.Min)];
    }

    /// <summary>What the gateway and the worker hold.</summary>
    private sealed record Held(int[] Descriptors, int[] Threads, long[] Resident)
    {
        public override string ToString() => $"descriptors {string.Join(", ", Descriptors)}; threads {string.Join(", ", Threads)}; resident MiB {string.Join(", ", Resident.Select(bytes => bytes >> 20))}";
    }
}
