using System.Diagnostics;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using ElasticEp.Samples.Qwen3Moe;
using ElasticEp.Samples.Server;
using ElasticEp.Samples.Server.Http;
using ElasticEp.Samples.Tests.Server;
using ElasticEp.Scaling;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace ElasticEp.Samples.Tests.Processes;

/// <summary>What cannot start says why in one line and exits with code 2; what is stopped or orphaned ends with the code that tells.</summary>
[Collection(nameof(ProcessCollection))]
public sealed class StartTests
{
    private static readonly Dictionary<string, string> Gateway = [];

    [Fact]
    public async Task A_server_whose_ports_are_taken_or_whose_files_are_missing_says_so()
    {
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        var address = $"127.0.0.1:{((IPEndPoint)taken.LocalEndpoint).Port}";
        await RefusedAsync(Gateway, address, "--urls", $"http://{address}");
        if (ProcFiles.Missing is null)
            await WaitAsync(() => ProcFiles.WithArgument($"http://{address}").Length == 0, "the workers of a server that did not start to end");
        await RefusedAsync(Gateway, address, "--urls", "http://127.0.0.1:0", "--store-bind", address);
        await RefusedAsync(Gateway, "/no/such/model", "--urls", "http://127.0.0.1:0", "--model", "/no/such/model");
        await RefusedAsync(Gateway, "/no/such/secret", "--urls", "http://127.0.0.1:0", "--join-secret-file", "/no/such/secret");
        await RefusedAsync(Gateway, "--join-secret-file", "--urls", "http://127.0.0.1:0", "--external-workers", "true");
        await RefusedAsync(Gateway, "--health-port", "--urls", "http://127.0.0.1:0", "--health-port", "8080");
    }

    [Fact]
    public async Task A_server_that_has_no_certificate_for_HTTPS_or_a_bad_one_says_so()
    {
        var home = Directory.CreateTempSubdirectory("elasticep-home-").FullName; // where no certificate of a developer is
        try
        {
            var environment = new Dictionary<string, string> { ["HOME"] = home };
            await RefusedAsync(environment, "HTTP cannot be served as configured: Unable to configure HTTPS endpoint.", "--urls", "https://127.0.0.1:0");
            await RefusedAsync(environment, "/no/such.pem", "--urls", "https://127.0.0.1:0", "--Kestrel:Certificates:Default:Path", "/no/such.pem");
            var garbage = Path.Combine(home, "garbage.pem");
            await File.WriteAllTextAsync(garbage, "no certificate");
            await RefusedAsync(environment, "HTTP cannot be served as configured: ", "--urls", "https://127.0.0.1:0", "--Kestrel:Certificates:Default:Path", garbage, "--Kestrel:Certificates:Default:KeyPath", garbage);
        }
        finally
        {
            Directory.Delete(home, recursive: true);
        }
    }

    [Fact]
    public async Task Ports_of_the_environment_count_when_no_address_is_given_and_the_log_warns_that_others_may_call()
    {
        var start = new ProcessStartInfo(ProcessServer.Executable, ["--ranks", "1"]) { Environment = { ["ASPNETCORE_HTTP_PORTS"] = "0" } };
        await using var server = await ProcessServer.StartGatewayAsync(start, host: null);
        Assert.NotEqual(8000, server.Client.Http.BaseAddress!.Port);
        await server.WaitForRanksAsync(1);
        Assert.Contains("Whoever reaches http://*:0 may use this server", server.Log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Workers_get_no_key()
    {
        ProcFiles.Require();
        const string InArgument = "key-in-an-argument", InVariable = "key-in-a-variable";
        var start = new ProcessStartInfo(ProcessServer.Executable, ["--api-key", InArgument, "--ranks", "2"]) { Environment = { [ApiKeys.Variable] = InVariable } };
        await using var server = await ProcessServer.StartGatewayAsync(start);
        server.Client.Http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", InVariable);
        await server.WaitForRanksAsync(2);
        Assert.Equal(2, server.Workers.Length);
        foreach (var words in server.Workers.SelectMany(worker => (string[][])[ProcFiles.ArgumentsOf(worker), ProcFiles.VariablesOf(worker)]))
        {
            Assert.True(words.Length > 2);
            Assert.DoesNotContain(words, word => word.Contains(InArgument, StringComparison.Ordinal) || word.Contains(InVariable, StringComparison.Ordinal));
        }

        server.Client.Http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", InArgument);
        await server.Client.ScaleAsync(new { new_data_parallel_size = 1 });
    }

    [Theory]
    [InlineData(false, "could not be started 3 times")] // they look at the files at once, and exit
    [InlineData(true, "could not be formed")] // they join, and fail when the weights are to be read
    public async Task A_server_whose_first_ranks_cannot_load_the_model_says_why_and_stops(bool knowsShape, string words)
    {
        ProcFiles.Require();
        var model = Directory.CreateTempSubdirectory("elasticep-model-").FullName;
        foreach (var file in Directory.GetFiles(EmbeddedModel.Directory))
            File.Copy(file, Path.Combine(model, Path.GetFileName(file)));
        string[] args = ["--ranks", "2", "--model", model];
        using var log = new ListLoggerProvider();
        await using var app = ServerApp.Build(["--urls", "http://127.0.0.1:0", .. args], builder =>
        {
            builder.Logging.ClearProviders().AddProvider(log);
            builder.Services.AddKeyedSingleton<IRankLauncher>(GroupSetup.GroupName, (provider, _) => new FaultyLauncher(args, () => provider.GetKeyedServices<IWorkerEnvironment>(GroupSetup.GroupName), log.Add)
            {
                Spoil = (_, options) =>
                {
                    options.Environment[ModelSource.ConfigVariable] = knowsShape ? File.ReadAllText(Path.Combine(model, "config.json")) : null;
                    options.Environment[ModelSource.WeightTypeVariable] = $"{WeightType.BFloat16}";
                },
            });
        });
        File.Delete(Path.Combine(model, "model.safetensors"));
        var stopping = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        app.Lifetime.ApplicationStopping.Register(stopping.SetResult);
        await app.StartAsync();
        await stopping.Task.WaitAsync(TestServer.Deadline);
        await app.StopAsync();
        Directory.Delete(model, recursive: true);
        var last = Assert.Single(log.Lines, line => line.StartsWith("Critical", StringComparison.Ordinal));
        Assert.Contains(words, last, StringComparison.Ordinal);
        Assert.Contains("model.safetensors", last, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_worker_that_cannot_start_says_so()
    {
        await RefusedAsync(Worker("one"), "ElasticEp__Rank is 'one'");
        await RefusedAsync(Worker("0"), "/no/such/model", "--model", "/no/such/model");
        await RefusedAsync(Worker("0"), "StoreAddress");

        static Dictionary<string, string> Worker(string rank) => new() { ["ElasticEp__Rank"] = rank };
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task One_that_is_terminated_while_it_still_dials_the_store_ends_at_once_and_in_order(bool isWorker)
    {
        ProcFiles.Require();
        using var deaf = new TcpListener(IPAddress.Loopback, 0);
        deaf.Start();
        var store = $"127.0.0.1:{((IPEndPoint)deaf.LocalEndpoint).Port}";
        var start = new ProcessStartInfo(ProcessServer.Executable, isWorker ? [] : ["--urls", "http://127.0.0.1:0", "--store", store]) { RedirectStandardOutput = true, RedirectStandardError = true };
        if (isWorker)
            (start.Environment["ElasticEp__Rank"], start.Environment["ElasticEp__StoreAddress"]) = ("0", store);
        using var process = Process.Start(start)!;
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEndAsync();
        using var dialed = await deaf.AcceptSocketAsync().WaitAsync(TestServer.Deadline); // from here on it waits for an answer
        ProcFiles.Terminate(process.Id);
        await Task.WhenAll(output, error, process.WaitForExitAsync()).WaitAsync(TestServer.Deadline);
        Assert.True(process.ExitCode == 0, $"exit code {process.ExitCode}: {await error}");
        Assert.Equal("", await error);
    }

    [Fact]
    public async Task The_last_worker_cannot_leave_and_its_exit_code_says_that_the_group_counts_on_it()
    {
        ProcFiles.Require();
        var secret = Path.GetTempFileName();
        await File.WriteAllTextAsync(secret, "the secret of these tests\n");
        try
        {
            await using var gateway = await ProcessServer.StartGatewayAsync("--ranks", "1", "--external-workers", "true", "--join-secret-file", secret);
            await using var worker = ExternalWorker.Start(0, await gateway.WaitForLogAsync("The rendezvous store listens at "), secret, "--ranks", "1");
            await gateway.WaitForRanksAsync(1);
            worker.Terminate();
            Assert.Equal(1, await worker.WaitAsync());
        }
        finally
        {
            File.Delete(secret);
        }
    }

    private static async Task WaitAsync(Func<bool> isTrue, string what)
    {
        var started = TimeProvider.System.GetTimestamp();
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(20));
        while (!isTrue())
        {
            Assert.True(TimeProvider.System.GetElapsedTime(started) < TestServer.Deadline, $"Waited {TestServer.Deadline} for {what}.");
            await timer.WaitForNextTickAsync();
        }
    }

    private static async Task RefusedAsync(Dictionary<string, string> environment, string words, params string[] args)
    {
        var (exitCode, error) = await ProcessServer.RefuseAsync(environment, args);
        Assert.True(exitCode == 2, $"exit code {exitCode}: {error}");
        Assert.Contains(words, error, StringComparison.Ordinal);
    }
}
