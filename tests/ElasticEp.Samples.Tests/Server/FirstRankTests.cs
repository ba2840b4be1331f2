using System.Net;
using ElasticEp.Samples.Server.Http;

namespace ElasticEp.Samples.Tests.Server;

/// <summary>A caller may name the rank on which its request begins, as it does with vLLM.</summary>
public sealed class FirstRankTests
{
    [Fact]
    public async Task A_request_begins_on_the_rank_that_its_header_names()
    {
        await using var server = await TestServer.StartAsync(3);
        foreach (var rank in (int[])[2, 0, 2, 1, 2])
            Assert.Equal(HttpStatusCode.OK, (await AskAsync(server, $"{rank}")).Status);
        var metrics = await server.Http.GetStringAsync("/metrics");
        foreach (var (rank, count) in (IEnumerable<(int, int)>)[(0, 1), (1, 1), (2, 3)])
            Assert.Contains($"vllm:time_to_first_token_seconds_count{{model_name=\"tiny-qwen3-moe\",engine=\"{rank}\"}} {count}\n", metrics, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_rank_that_never_was_is_a_mistake_and_one_that_has_left_is_none()
    {
        await using var server = await TestServer.StartAsync(2);
        foreach (var (rank, message) in (IEnumerable<(string, string)>)[
            ("2", "X-data-parallel-rank is 2, and the group has not had such a rank; /elastic/view lists those that there are."),
            ("-1", "X-data-parallel-rank must be the number of a rank."),
            ("one", "X-data-parallel-rank must be the number of a rank."),
            ("99999999999", "X-data-parallel-rank must be the number of a rank.")])
        {
            var refused = await AskAsync(server, rank);
            Assert.Equal((rank, HttpStatusCode.BadRequest, (message, "invalid_request_error", FirstRank.Header, 400)), (rank, refused.Status, refused.Error));
        }

        await server.ScaleAsync(new { remove_ranks = (int[])[1] });
        Assert.Equal(HttpStatusCode.OK, (await AskAsync(server, "1")).Status);
    }

    private static Task<HttpAnswer> AskAsync(TestServer server, string rank) => HttpAnswer.SendAsync(
        server.Http, HttpMethod.Post, "/v1/completions", new StringContent("""{"prompt": "a", "max_tokens": 2}""", System.Text.Encoding.UTF8, "application/json"), (FirstRank.Header, rank));
}
