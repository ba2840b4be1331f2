using System.Collections.Concurrent;
using System.Diagnostics;
using ElasticEp.Hosting;
using ElasticEp.Hosting.Processes;
using ElasticEp.Scaling;

namespace ElasticEp.Tests.Hosting;

/// <summary>Worker processes played by shell scripts.</summary>
public sealed class ProcessLauncherTests : IWorkerOutput, IWorkerEnvironment
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(20);

    private readonly ConcurrentQueue<string> _lines = new();

    [Fact]
    public async Task Lines_of_both_streams_are_forwarded_with_the_rank_and_the_end_is_told_with_the_last_errors()
    {
        var rank = await LaunchAsync("echo out; echo err >&2; printf 'no end'; exit 3");
        Assert.Equal("exited with code 3: err", await rank.Ended.WaitAsync(Deadline, TestContext.Current.CancellationToken));
        Assert.Equal(["7 err err", "7 out no end", "7 out out"], _lines.Order(StringComparer.Ordinal));
        await rank.StopAsync(CancellationToken.None); // it is gone: only cleaned up
    }

    [Fact]
    public async Task The_environment_tells_rank_and_store_and_a_null_takes_a_variable_away()
    {
        Environment.SetEnvironmentVariable("ELASTICEP_TEST_TAKEN", "1");
        var rank = await LaunchAsync("echo $ElasticEp__Rank $ElasticEp__ParentPipe $ElasticEp__StoreAddress [$ELASTICEP_TEST_TAKEN]", options => options.Environment["ELASTICEP_TEST_TAKEN"] = null);
        await rank.Ended.WaitAsync(Deadline, TestContext.Current.CancellationToken);
        Assert.Equal(["7 out 7 1 store:1 []"], _lines);
    }

    [Fact]
    public async Task One_that_obeys_a_termination_ends_by_itself()
    {
        var rank = await LaunchAsync("trap 'echo leaving; exit 0' TERM; echo ready; while :; do sleep 0.05; done");
        await OutputAsync("7 out ready");
        await rank.StopAsync(CancellationToken.None).AsTask().WaitAsync(Deadline, TestContext.Current.CancellationToken);
        Assert.Equal("exited with code 0", await rank.Ended);
        Assert.Contains("7 out leaving", _lines);
    }

    [Fact]
    public async Task One_that_ignores_it_is_ended_after_its_time()
    {
        var rank = await LaunchAsync("trap '' TERM; echo ready; while :; do sleep 0.05; done", options => options.StopTimeout = TimeSpan.FromMilliseconds(100));
        await OutputAsync("7 out ready");
        await rank.StopAsync(CancellationToken.None).AsTask().WaitAsync(Deadline, TestContext.Current.CancellationToken);
        Assert.Equal("exited with code 137", await rank.Ended);
    }

    [Fact]
    public async Task Its_standard_input_is_a_pipe_that_stays_open_while_the_launcher_lives()
    {
        var rank = await LaunchAsync("echo ready; cat; echo parent gone");
        await OutputAsync("7 out ready");
        using var process = Process.GetProcessById(((WorkerProcess)rank).ProcessId!.Value);
        Assert.False(process.HasExited);
        await rank.DisposeAsync();
        Assert.DoesNotContain("7 out parent gone", _lines);
    }

    [Fact]
    public async Task A_program_that_is_not_there_is_a_clear_error()
    {
        var launcher = new LocalProcessLauncher(new LocalProcessLauncherOptions { FileName = "/no/such/program" }, [], this, TimeProvider.System);
        var error = await Assert.ThrowsAnyAsync<Exception>(async () => await launcher.LaunchAsync(new RankLaunch("chat", 7, "op"), CancellationToken.None));
        Assert.Contains("/no/such/program", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_line_without_an_end_is_cut()
    {
        var lines = new List<string>();
        var splitter = new LineSplitter(4, lines.Add);
        splitter.Add("ab\r\n\ncdefgh");
        splitter.Add("i\nj");
        splitter.End();
        Assert.Equal(["ab", "", "cdef", "ghi", "j"], lines);
    }

    [Fact]
    public async Task A_process_without_the_variable_is_no_worker() =>
        Assert.Null(await ElasticEpWorker.RunAsync([], _ => Assert.Fail("nothing is configured"), TestContext.Current.CancellationToken));

    void IWorkerOutput.Write(int rank, bool isError, string line) => _lines.Enqueue($"{rank} {(isError ? "err" : "out")} {line}");

    void IWorkerEnvironment.Fill(IDictionary<string, string?> environment) => environment["ElasticEp__StoreAddress"] = "store:1";

    private async Task<ILaunchedRank> LaunchAsync(string script, Action<LocalProcessLauncherOptions>? configure = null)
    {
        Assert.SkipUnless(File.Exists("/bin/sh"), "There is no /bin/sh here.");
        var options = new LocalProcessLauncherOptions { FileName = "/bin/sh", Arguments = ["-c", script] };
        configure?.Invoke(options);
        return await new LocalProcessLauncher(options, [this], this, TimeProvider.System).LaunchAsync(new RankLaunch("chat", 7, "op"), CancellationToken.None);
    }

    private async Task OutputAsync(string line)
    {
        var started = TimeProvider.System.GetTimestamp();
        while (!_lines.Contains(line))
        {
            Assert.True(TimeProvider.System.GetElapsedTime(started) < Deadline, $"'{line}' was not heard");
            await Task.Yield();
        }
    }
}
