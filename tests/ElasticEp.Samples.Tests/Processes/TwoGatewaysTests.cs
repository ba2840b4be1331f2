using System.Net.Http.Json;
using ElasticEp.Samples.Tests.Server;

namespace ElasticEp.Samples.Tests.Processes;

/// <summary>Two gateways in front of one group: one serves the store, the other uses it.</summary>
[Collection(nameof(ProcessCollection))]
public sealed class TwoGatewaysTests
{
    private const int Tokens = 1500;

    private static readonly int[] Prompt = [1, 2, 3];

    [Fact]
    public async Task The_requests_of_one_that_is_killed_end_on_the_ranks()
    {
        ProcFiles.Require();
        await RunAsync(async (first, second, worker) =>
        {
            await WithStreamAsync(second.Client, second.Kill);
            Assert.Equal(Tokens, (await first.Client.StreamAsync(Prompt, Tokens)).Length); // as many steps as that one would have taken
            await UntilAsync(() => Task.FromResult(Count(worker, "its tokens were not sent") > 0));
            Assert.Equal(1, Count(worker, "its tokens were not sent")); // the request ended on the rank, once
            Assert.Equal(1, Count(worker, "a message to it was not sent")); // and nothing was made for the dead one after that
        });
    }

    [Fact]
    public async Task A_request_that_one_cancels_is_not_the_request_of_that_number_of_the_other()
    {
        ProcFiles.Require();
        await RunAsync(async (first, second, _) =>
        {
            var expected = await first.Client.CompleteAsync(Prompt, Tokens);
            Assert.Equal(expected[..4], await second.Client.CompleteAsync(Prompt, 4));

            var stream = first.Client.StreamAsync(Prompt, Tokens); // the second request of the first gateway
            await UntilAsync(async () => (await first.Client.ViewAsync()).Outstanding == 1);
            await WithStreamAsync(second.Client, () => { }); // begins and goes away: the second request of the second gateway
            await UntilAsync(async () => (await second.Client.ViewAsync()).Outstanding == 0);
            Assert.Equal(expected, await stream);
            Assert.Equal(0, (await first.Client.ViewAsync()).HandBacks);
        });
    }

    private static async Task RunAsync(Func<ProcessServer, ProcessServer, ExternalWorker, Task> test)
    {
        var secret = Path.GetTempFileName();
        await File.WriteAllTextAsync(secret, "the secret of these tests\n");
        string[] args = ["--ranks", "1", "--external-workers", "true", "--join-secret-file", secret];
        try
        {
            await using var first = await ProcessServer.StartGatewayAsync(args);
            var store = await first.WaitForLogAsync("The rendezvous store listens at ");
            await using var second = await ProcessServer.StartGatewayAsync([.. args, "--store", store]);
            await using var worker = ExternalWorker.Start(0, store, secret, "--ranks", "1");
            await first.WaitForRanksAsync(1);
            await second.WaitForRanksAsync(1);
            await test(first, second, worker);
        }
        finally
        {
            File.Delete(secret);
        }
    }

    /// <summary>Does something when the first token of a stream is here, then goes away.</summary>
    private static async Task WithStreamAsync(ServerClient client, Action then)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/completions")
        {
            Content = JsonContent.Create(new { prompt = Prompt, max_tokens = Tokens, temperature = 0, ignore_eos = true, stream = true }),
        };
        using var response = await client.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync());
        Assert.StartsWith("data: ", await reader.ReadLineAsync(), StringComparison.Ordinal);
        then();
    }

    private static int Count(ExternalWorker worker, string words) => worker.Lines.Count(line => line.Contains(words, StringComparison.Ordinal));

    private static async Task UntilAsync(Func<Task<bool>> isTrue)
    {
        var started = TimeProvider.System.GetTimestamp();
        while (!await isTrue())
            Assert.True(TimeProvider.System.GetElapsedTime(started) < TestServer.Deadline, $"not within {TestServer.Deadline}");
    }
}
