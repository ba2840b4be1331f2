using ElasticEp.Hosting.Processes;
using ElasticEp.Samples.Tests.Model;

namespace ElasticEp.Samples.Tests.Server;

/// <summary>Runs alone: it measures the memory of the whole process.</summary>
[Collection(nameof(MemoryTests))]
[CollectionDefinition(nameof(MemoryTests), DisableParallelization = true)]
public sealed class MemoryTests
{
    [Fact]
    public async Task Twenty_cycles_leave_managed_memory_flat()
    {
        await using var server = await TestServer.StartAsync(2, builder => builder.Configuration[WorkerVariables.FlightRecorderEventsKey] = "500"); // full after a few cycles
        await CycleAsync(server, 10);
        var before = GC.GetTotalMemory(forceFullCollection: true);
        await CycleAsync(server, 20);
        var started = TimeProvider.System.GetTimestamp();
        long grown;
        while ((grown = GC.GetTotalMemory(forceFullCollection: true) - before) >= 1 << 20)
        {
            // The hosts of the last leavers end after the resize has returned.
            Assert.True(TimeProvider.System.GetElapsedTime(started) < TestServer.Deadline, $"20 cycles left {grown} bytes behind");
            await Task.Yield();
        }
    }

    private static async Task CycleAsync(TestServer server, int count)
    {
        var golden = GoldenFile.Cases[0];
        for (var i = 0; i < count; i++)
        {
            await server.ScaleAsync(new { new_data_parallel_size = 4 });
            Assert.Equal(golden.GreedyIds, await server.CompleteAsync(golden.PromptIds, golden.GreedyIds.Length));
            await server.ScaleAsync(new { new_data_parallel_size = 2 });
        }
    }
}
