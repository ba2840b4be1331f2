using ElasticEp.Samples.Bench;

namespace ElasticEp.Samples.Tests.Bench;

/// <summary>A stream that ends early has failed, whichever way it ends.</summary>
public sealed class CutStreamTests
{
    public static TheoryData<string[], string> EndedEarly => new()
    {
        { [FakeServer.Token, FakeServer.Token], "After 2 tokens: the stream ended without [DONE]." },
        { [FakeServer.Token, FakeServer.Last], "After 2 tokens: the stream ended without [DONE]." },
        { [FakeServer.Token, FakeServer.Done], "After 1 tokens: the stream ended without a finish_reason." },
        { [FakeServer.Token, FakeServer.Last, FakeServer.Usage(4, 3), FakeServer.Done], "After 2 tokens: the stream ended, but its usage says 3 tokens." },
        { [FakeServer.Token, FakeServer.Last, FakeServer.Usage(4, 2), FakeServer.Done], "After 2 tokens: the stream ended, but 3 were asked for with ignore_eos." },
        { [FakeServer.Usage(4, 0), FakeServer.Done], "The stream had no tokens." },
        { [FakeServer.Token, """data: {"error":{"message":"The group has ended."}}"""], "The group has ended." },
        { [FakeServer.Token, "data: {\"choices\":[{"], "After 1 tokens: " },
    };

    [Theory]
    [MemberData(nameof(EndedEarly))]
    public async Task A_stream_that_ends_early_has_failed(string[] lines, string words)
    {
        await using var server = await FakeServer.StartAsync((context, _) => FakeServer.WriteAsync(context, lines));
        var (exitCode, output, error) = await RunAsync(server, 2);
        Assert.Equal(1, exitCode);
        Assert.Contains("Failed requests:                         2 ", output, StringComparison.Ordinal);
        Assert.Contains($"2 requests failed: {words}", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Of_three_requests_one_is_refused_and_one_loses_its_connection()
    {
        await using var server = await FakeServer.StartAsync(async (context, number) =>
        {
            if (number == 1)
            {
                context.Response.StatusCode = 429;
                await FakeServer.WriteAsync(context, """{"error":{"message":"The queue is full."}}""");
                return;
            }

            await FakeServer.WriteAsync(context, ": a comment", FakeServer.Token, FakeServer.Token);
            if (number == 2)
                context.Abort();
            else
                await FakeServer.WriteAsync(context, FakeServer.Last, FakeServer.Usage(4, 3), FakeServer.Done);
        });
        var (exitCode, output, error) = await RunAsync(server, 3);
        Assert.Equal(1, exitCode);
        Assert.Contains("Successful requests:                     1 ", output, StringComparison.Ordinal);
        Assert.Contains("Failed requests:                         2 ", output, StringComparison.Ordinal);
        Assert.Contains("Total input tokens:                      4 ", output, StringComparison.Ordinal);
        Assert.Contains("Total generated tokens:                  3 ", output, StringComparison.Ordinal);
        Assert.Contains("1 requests failed: HTTP 429: The queue is full.", error, StringComparison.Ordinal);
        Assert.Equal(2, error.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length); // the cut is told in words that depend on what had arrived
        Assert.Equal(3, server.Requests);
    }

    [Fact]
    public async Task A_complete_stream_in_lines_that_end_with_carriage_returns_succeeds()
    {
        await using var server = await FakeServer.StartAsync((context, _) =>
            FakeServer.WriteAsync(context, $"{FakeServer.Token}\r", $"{FakeServer.Token}\r", $"{FakeServer.Last}\r", $"{FakeServer.Done}\r"));
        var (exitCode, _, error) = await RunAsync(server, 2);
        Assert.Equal(0, exitCode);
        Assert.Equal("", error);
    }

    [Fact]
    public async Task A_test_request_that_fails_ends_the_run_before_it_begins()
    {
        await using var server = await FakeServer.StartAsync((context, _) => FakeServer.WriteAsync(context, FakeServer.Token));
        var (exitCode, _, error) = await RunAsync(server, 5, "--ready-check-timeout-sec", "1");
        Assert.Equal(2, exitCode);
        Assert.Contains("The initial test run failed: After 1 tokens", error, StringComparison.Ordinal);
        Assert.Equal(1, server.Requests);
    }

    [Fact]
    public async Task Where_nobody_answers_the_address_is_named()
    {
        var server = await FakeServer.StartAsync((_, _) => Task.CompletedTask);
        var port = server.Port;
        await server.DisposeAsync();
        using var error = new StringWriter();
        Assert.Equal(2, await BenchApp.RunAsync(["serve", "--port", $"{port}", "--ready-check-timeout-sec", "0"], TextWriter.Null, error, CancellationToken.None));
        Assert.Contains($"http://127.0.0.1:{port}/ does not answer", error.ToString(), StringComparison.Ordinal);
    }

    private static async Task<(int ExitCode, string Output, string Error)> RunAsync(FakeServer server, int prompts, params string[] more)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        string[] args =
        [
            "serve", "--port", $"{server.Port}", "--num-prompts", $"{prompts}", "--random-input-len", "4", "--random-output-len", "3",
            "--ignore-eos", "--disable-tqdm", "--ready-check-timeout-sec", "0", .. more,
        ];
        return (await BenchApp.RunAsync(args, output, error, CancellationToken.None), output.ToString(), error.ToString());
    }
}
