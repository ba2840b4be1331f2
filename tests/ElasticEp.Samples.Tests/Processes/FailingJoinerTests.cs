using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using ElasticEp.Hosting;
using ElasticEp.Samples.Qwen3Moe;
using ElasticEp.Samples.Server;
using ElasticEp.Samples.Tests.Model;
using ElasticEp.Samples.Tests.Server;
using ElasticEp.Scaling;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace ElasticEp.Samples.Tests.Processes;

/// <summary>A joiner that fails rolls the operation back, in time, and the next resize works. The gateway lives in this process.</summary>
[Collection(nameof(ProcessCollection))]
public sealed class FailingJoinerTests : IAsyncLifetime
{
    private static readonly TimeSpan Short = TimeSpan.FromSeconds(4);
    private static readonly TimeSpan Long = TestServer.Deadline * 2; // what ends before it has not waited for it

    private readonly ConcurrentQueue<string> _log = new();
    private WebApplication _app = null!;
    private FaultyLauncher _launcher = null!;
    private ServerClient _client = null!;

    private IElasticGroupClient Group => _app.Services.GetRequiredService<IElasticGroupClient>();

    public async ValueTask InitializeAsync()
    {
        if (ProcFiles.Missing is not null)
            return;
        string[] args = ["--ranks", "2", "--Logging:LogLevel:Default", "Warning"];
        _app = ServerApp.Build(["--urls", "http://127.0.0.1:0", .. args], builder =>
        {
            builder.Logging.ClearProviders();
            builder.Services.AddKeyedSingleton<IRankLauncher>(GroupSetup.GroupName, (provider, _) =>
                _launcher = new FaultyLauncher(args, () => provider.GetKeyedServices<IWorkerEnvironment>(GroupSetup.GroupName), _log.Enqueue)
                {
                    Spoil = (_, options) => options.Environment["ElasticEp__WeightBytesPerSecond"] = "2000000",
                });
        });
        await _app.StartAsync();
        _client = new ServerClient(new Uri(_app.Urls.First()));
        using var deadline = new CancellationTokenSource(TestServer.Deadline);
        await foreach (var view in Group.Views.WithCancellation(deadline.Token))
        {
            if (view.Members.Length == 2)
                break;
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_app is null)
            return;
        _client.Dispose();
        await _app.StopAsync();
        await _app.DisposeAsync();
    }

    [Fact]
    public async Task One_that_exits_at_once_is_reported_with_its_last_words() =>
        await FailsAsync(Long, options => (options.FileName, options.Arguments) = ("/bin/sh", ["-c", "echo no memory left >&2; exit 3"]), "exited with code 3", "no memory left");

    [Fact]
    public async Task One_that_hangs_before_it_connects_is_given_up_at_the_deadline() =>
        await FailsAsync(Short, options => (options.FileName, options.Arguments) = ("/bin/sleep", ["1000"]), "deadline", "2");

    [Fact]
    public async Task One_with_another_secret_is_refused_and_says_so() =>
        await FailsAsync(Long, options => options.Environment["ElasticEp__JoinSecret"] = "quite another secret", "join secret", "exited with code 2");

    [Fact]
    public async Task One_with_another_layout_is_refused_with_both_values() =>
        await FailsAsync(
            Long,
            options =>
            {
                var config = File.ReadAllText(Path.Combine(EmbeddedModel.Directory, "config.json"));
                options.Environment[ModelSource.ConfigVariable] = config.Replace("\"num_experts_per_tok\": 4", "\"num_experts_per_tok\": 3", StringComparison.Ordinal);
                options.Environment[ModelSource.WeightTypeVariable] = $"{WeightType.BFloat16}";
            },
            "topk=3",
            "topk=4");

    [Fact]
    public async Task One_that_is_killed_in_the_middle_of_its_weights_is_rolled_back_at_once()
    {
        ProcFiles.Require();
        var (killed, killedAt) = (false, 0L);
        var progress = new Watch(report =>
        {
            if (report.BytesTotal > 0 && report.BytesMoved * 2 >= report.BytesTotal && !killed)
            {
                (killed, killedAt) = (true, TimeProvider.System.GetTimestamp());
                using var process = Process.GetProcessById(_launcher.Processes[2].ProcessId!.Value);
                process.Kill();
            }
        });
        var result = await Group.ScaleAsync(new ScaleRequest { Size = 3, Deadline = Long }, progress).WaitAsync(TestServer.Deadline);
        Assert.True(killed, Log());
        AssertRolledBack(result, "rank 2");
        Assert.True(TimeProvider.System.GetElapsedTime(killedAt) < TimeSpan.FromSeconds(20), $"the rollback took {TimeProvider.System.GetElapsedTime(killedAt)}");
        await ServesAndGrowsAsync();
    }

    [Fact]
    public async Task Over_http_a_failed_operation_is_500_and_one_past_its_deadline_408_and_both_say_who_serves_on()
    {
        ProcFiles.Require();
        _launcher.Spoil = (launch, options) => (options.FileName, options.Arguments) = launch.Rank == 2 ? ("/bin/sh", ["-c", "echo no memory left >&2; exit 3"]) : (options.FileName, options.Arguments);
        var failed = await HttpAnswer.PostAsync(_client.Http, "/scale_elastic_ep", """{"new_data_parallel_size": 3}""");
        Assert.Equal((HttpStatusCode.InternalServerError, "internal_error", 500), (failed.Status, failed.Error.Type, failed.Error.Code));
        Assert.Contains("no memory left", failed.Error.Message, StringComparison.Ordinal);
        Assert.EndsWith("The group serves on with ranks [0 1].", failed.Error.Message, StringComparison.Ordinal);

        _launcher.Spoil = (launch, options) => (options.FileName, options.Arguments) = launch.Rank == 2 ? ("/bin/sleep", ["1000"]) : (options.FileName, options.Arguments);
        var late = await HttpAnswer.PostAsync(_client.Http, "/scale_elastic_ep", """{"new_data_parallel_size": 3, "timeout": 1}""");
        Assert.Equal((HttpStatusCode.RequestTimeout, "timeout", 408), (late.Status, late.Error.Type, late.Error.Code));
        Assert.EndsWith("The group serves on with ranks [0 1].", late.Error.Message, StringComparison.Ordinal);
        var state = await HttpAnswer.SendAsync(_client.Http, HttpMethod.Get, "/is_scaling_elastic_ep");
        Assert.Contains("deadline", state.Body.GetProperty("last_error").GetString(), StringComparison.Ordinal);
        await ServesAndGrowsAsync();
    }

    private async Task FailsAsync(TimeSpan deadline, Action<LocalProcessLauncherOptions> spoil, params string[] words)
    {
        ProcFiles.Require();
        _launcher.Spoil = (launch, options) =>
        {
            if (launch.Rank == 2)
                spoil(options);
        };
        var result = await Group.ScaleAsync(new ScaleRequest { Size = 3, Deadline = deadline }).WaitAsync(TestServer.Deadline);
        AssertRolledBack(result, words);
        await ServesAndGrowsAsync();
    }

    private void AssertRolledBack(ScaleResult result, params string[] words)
    {
        Assert.Equal(ScalePhase.Aborted, result.Outcome);
        Assert.All(words, word => Assert.True(result.Reason!.Contains(word, StringComparison.Ordinal), $"'{word}' is not in: {result.Reason}\n{Log()}"));
        Assert.Equal([0, 1], result.View.Members.Select(member => member.Rank));
    }

    private async Task ServesAndGrowsAsync()
    {
        await AssertGoldenAsync();
        _launcher.Spoil = null;
        var next = await Group.ScaleAsync(new ScaleRequest { Size = 3, Deadline = TestServer.Deadline }).WaitAsync(TestServer.Deadline);
        Assert.True(next.Outcome == ScalePhase.Completed, next.Reason);
        await AssertGoldenAsync();
    }

    private async Task AssertGoldenAsync()
    {
        var golden = GoldenFile.Cases[0];
        Assert.Equal(golden.GreedyIds, await _client.CompleteAsync(golden.PromptIds, golden.GreedyIds.Length));
    }

    private string Log() => string.Join('\n', _log);

    private sealed class Watch(Action<ScaleProgress> report) : IProgress<ScaleProgress>
    {
        public void Report(ScaleProgress value) => report(value);
    }
}
