using System.Diagnostics;
using ElasticEp.Samples.FaultyServer;

namespace ElasticEp.Samples.Tests.Processes;

/// <summary>Processes that stand still for a while, in whole or in part: short pauses evict nobody, long ones hold up nobody.</summary>
[Collection(nameof(ProcessCollection))]
public sealed class StandstillTests : IDisposable
{
    private const int Ranks = 4;
    private const int Streams = 32;

    private static readonly string Executable = ProcessServer.Executable.Replace("Samples.Server", "Samples.FaultyServer", StringComparison.Ordinal);

    private readonly FaultFolder _faults = new();

    public void Dispose() => _faults.Dispose();

    [Theory]
    [InlineData(0)] // it coordinates
    [InlineData(2)]
    public Task A_worker_that_stands_still_for_a_second_stays(int worker) => RunAsync(async (server, load) =>
    {
        var before = await server.Client.ViewAsync();
        var process = server.Workers[worker];
        ProcFiles.Send(process, ProcFiles.SigStop);
        await PassAsync(TimeSpan.FromSeconds(1));
        ProcFiles.Send(process, ProcFiles.SigCont);
        await load.WaitForCompletedAsync(2 * Streams);
        var after = await server.Client.ViewAsync();
        Assert.True(before.Ranks.SequenceEqual(after.Ranks), $"the ranks are {string.Join(" ", after.Ranks)}");
        Assert.DoesNotContain("takes rank", server.Log, StringComparison.Ordinal);
    });

    [Theory]
    [InlineData(0)] // it coordinates
    [InlineData(2)]
    public Task Streams_go_on_within_three_seconds_when_a_worker_stands_still_for_ten_and_it_ends_when_it_goes_on(int worker) => RunAsync(async (server, load) =>
    {
        var stopped = server.Workers[worker];
        load.BeginGaps();
        ProcFiles.Send(stopped, ProcFiles.SigStop);
        await server.WaitUntilAsync(async () => !(await server.Client.ViewAsync()).ProcessIds.Contains(stopped), "it to be evicted");
        await PassAsync(TimeSpan.FromSeconds(8)); // ten with what was waited for
        Assert.InRange(load.LongestGap, TimeSpan.Zero, TimeSpan.FromSeconds(3));
        ProcFiles.Send(stopped, ProcFiles.SigCont);
        await server.WaitUntilAsync(() => Task.FromResult(!server.Workers.Contains(stopped)), "it to end");
        await load.WaitForCompletedAsync(2 * Streams);
        await server.WaitForRanksAsync(Ranks); // another one has its place
    });

    [Fact]
    public Task Streams_go_on_when_a_delegate_takes_no_notice_of_its_token() => RunAsync(async (server, load) =>
    {
        var workers = server.Workers;
        var options = new ElasticEpOptions();
        load.BeginGaps();
        _faults.Arm(ProcessFaults.Hang);
        await server.WaitUntilAsync(() => Task.FromResult(workers.Intersect(server.Workers).Count() < Ranks), "it to be ended");
        await load.WaitForCompletedAsync(2 * Streams);
        Assert.InRange(load.LongestGap, TimeSpan.Zero, options.StepDeadline + options.RecoveryDeadline + TimeSpan.FromSeconds(2));
        await server.WaitForRanksAsync(Ranks);
    });

    [Fact]
    public Task Nothing_is_lost_while_the_gateway_stands_still() => RunAsync(async (server, load) =>
    {
        var workers = server.Workers;
        server.Signal(ProcFiles.SigStop);
        await PassAsync(TimeSpan.FromSeconds(10));
        server.Signal(ProcFiles.SigCont);
        await load.WaitForCompletedAsync(2 * Streams);
        Assert.True(workers.SequenceEqual(server.Workers), "a worker has gone");
        var view = await server.Client.ViewAsync();
        Assert.True(view.Ranks is [0, 1, 2, 3], $"the ranks are {string.Join(" ", view.Ranks)}");
    });

    [Fact]
    public Task A_worker_whose_pool_is_blocked_for_three_seconds_stays() => RunAsync(async (server, load) =>
    {
        var workers = server.Workers;
        _faults.Arm($"{ProcessFaults.Block}3000");
        await server.WaitUntilAsync(() => Task.FromResult(_faults.HasHappened), "a worker to be blocked");
        await load.WaitForCompletedAsync(2 * Streams);
        Assert.True(workers.SequenceEqual(server.Workers), "a worker has gone");
    });

    [Fact]
    public Task A_worker_that_handles_nothing_any_more_is_evicted_though_its_heartbeats_come() => RunAsync(async (server, load) =>
    {
        var workers = server.Workers;
        load.BeginGaps();
        _faults.Arm($"{ProcessFaults.Block}600000");
        await server.WaitForLogAsync("(Wedged)");
        await server.WaitUntilAsync(() => Task.FromResult(workers.Intersect(server.Workers).Count() < Ranks), "it to be ended");
        await load.WaitForCompletedAsync(2 * Streams);
        Assert.InRange(load.LongestGap, TimeSpan.Zero, TimeSpan.FromSeconds(22)); // the recovery deadline, twice at most
        await server.WaitForRanksAsync(Ranks); // another one has its place
    });

    [Fact]
    public Task Nobody_is_evicted_in_ten_minutes_of_busy_processors_with_a_worker_slowed_tenfold() => RunAsync(async (server, load) =>
    {
        var workers = server.Workers;
        using var ended = new CancellationTokenSource();
        var busy = Enumerable.Range(0, Environment.ProcessorCount).Select(_ => new Thread(() => Spin(ended.Token)) { IsBackground = true }).ToArray();
        foreach (var thread in busy)
            thread.Start();
        try
        {
            var began = TimeProvider.System.GetTimestamp();
            while (TimeProvider.System.GetElapsedTime(began) < TimeSpan.FromMinutes(10))
            {
                ProcFiles.Send(workers[1], ProcFiles.SigStop);
                await PassAsync(TimeSpan.FromMilliseconds(90));
                ProcFiles.Send(workers[1], ProcFiles.SigCont);
                await PassAsync(TimeSpan.FromMilliseconds(10));
                Assert.True(workers.SequenceEqual(server.Workers), "a worker has gone");
            }
        }
        finally
        {
            ProcFiles.Send(workers[1], ProcFiles.SigCont);
            await ended.CancelAsync();
        }

        Assert.DoesNotContain("takes rank", server.Log, StringComparison.Ordinal);
        await load.WaitForCompletedAsync(Streams);
    });

    private static void Spin(CancellationToken ended)
    {
        while (!ended.IsCancellationRequested)
            Thread.SpinWait(1_000);
    }

    private async Task RunAsync(Func<ProcessServer, StreamLoad, Task> test)
    {
        Soak.Require();
        var start = new ProcessStartInfo(Executable, ["--ranks", $"{Ranks}", "--tolerated-losses", "1", "--redundant-experts", "32"]);
        start.Environment[ProcessFaults.Variable] = _faults.Path;
        await using var server = await ProcessServer.StartGatewayAsync(start);
        await server.WaitForRanksAsync(Ranks);
        await using var load = new StreamLoad(server.Client, Streams);
        await load.WaitForCompletedAsync(Streams);
        await load.WaitUntilAllRunAsync();
        await test(server, load);
        await load.StopAsync();
    }

    private static async Task PassAsync(TimeSpan time)
    {
        using var timer = new PeriodicTimer(time);
        await timer.WaitForNextTickAsync();
    }
}
