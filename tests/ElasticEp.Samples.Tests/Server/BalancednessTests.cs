using System.Globalization;
using ElasticEp.Samples.Server.Elastic;
using ElasticEp.Samples.Tests.Model;

namespace ElasticEp.Samples.Tests.Server;

public sealed class BalancednessTests
{
    [Fact]
    public void Each_layer_with_load_has_the_mean_load_of_a_rank_by_the_highest() =>
        Assert.Equal([4.0 / 6, 1.0], LiveView.BalancednessOf([[5, 0, 6], [5, 0, 2]]));

    [Fact]
    public async Task The_metrics_tell_mean_lowest_and_quantiles_of_the_layers()
    {
        await using var server = await TestServer.StartAsync(2);
        var golden = GoldenFile.Cases[0];
        await server.CompleteAsync(golden.PromptIds, golden.GreedyIds.Length);
        var (values, started) = (await ReadAsync(server), TimeProvider.System.GetTimestamp());
        while (values.Values.Any(double.IsNaN)) // ranks report once a second
        {
            Assert.True(TimeProvider.System.GetElapsedTime(started) < TestServer.Deadline, $"Waited {TestServer.Deadline} for load.");
            await Task.Yield();
            values = await ReadAsync(server);
        }

        Assert.Equal(["elasticep_balancedness", "elasticep_balancedness_min", "vllm:eplb_balancedness_avg", "vllm:eplb_balancedness_min", "vllm:eplb_balancedness_p50", "vllm:eplb_balancedness_p90"], values.Keys);
        Assert.All(values.Values, value => Assert.InRange(value, 0.5, 1)); // of two ranks
        Assert.Equal((values["elasticep_balancedness"], values["elasticep_balancedness_min"]), (values["vllm:eplb_balancedness_avg"], values["vllm:eplb_balancedness_min"]));
        Assert.True(values["elasticep_balancedness_min"] <= values["vllm:eplb_balancedness_p50"] && values["vllm:eplb_balancedness_p50"] <= values["vllm:eplb_balancedness_p90"]);
    }

    private static async Task<SortedDictionary<string, double>> ReadAsync(TestServer server)
    {
        var text = await server.Http.GetStringAsync("/metrics");
        var samples = text.Split('\n')
            .Where(line => line.Contains("balancedness", StringComparison.Ordinal) && line[0] != '#')
            .Select(line => line.Split(['{', ' ']))
            .ToDictionary(parts => parts[0], parts => double.Parse(parts[^1], CultureInfo.InvariantCulture));
        return new SortedDictionary<string, double>(samples, StringComparer.Ordinal);
    }
}
