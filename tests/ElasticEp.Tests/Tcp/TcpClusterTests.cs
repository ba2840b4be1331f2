using System.Text.Json;
using ElasticEp.Tests.Cluster;

namespace ElasticEp.Tests.Tcp;

/// <summary>The whole machine over real sockets: every elastic plan without a killed rank, under steps whose outputs are compared with the reference.</summary>
public sealed class TcpClusterTests
{
    private static readonly CancellationToken Token = TestContext.Current.CancellationToken;

    public static TheoryData<string, TcpLinks> Plans
    {
        get
        {
            var data = new TheoryData<string, TcpLinks>();
            foreach (var file in Directory.GetFiles(Path.Combine(AppContext.BaseDirectory, "Plans"), "*.json").Order(StringComparer.Ordinal))
            {
                if (Read(file).Any(phase => phase.Any(rank => rank < 0)))
                    continue;
                data.Add(Path.GetFileName(file), TcpLinks.Tcp);
                data.Add(Path.GetFileName(file), TcpLinks.Unix);
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Plans))]
    public async Task A_plan_runs_under_steps(string plan, TcpLinks links)
    {
        var phases = Read(Path.Combine(AppContext.BaseDirectory, "Plans", plan));
        await using var cluster = await ElasticCluster.StartAsync(
            options => options.InitialRanks = phases[0].Length,
            createTransport: () => links.Create());
        foreach (var ranks in phases)
        {
            if (!cluster.Client.View.Members.Select(member => member.Rank).SequenceEqual(ranks))
            {
                var result = await cluster.Client.ScaleAsync(new ScaleRequest { Ranks = ranks }, cancellationToken: Token);
                Assert.True(result.Outcome == ScalePhase.Completed, result.Reason);
            }

            Assert.Equal(ranks, cluster.Client.View.Members.Select(member => member.Rank));
            await cluster.WaitForStepsAsync(20);
        }
    }

    [Fact]
    public void The_plans_are_there() => Assert.Equal(12, Plans.Count);

    private static int[][] Read(string file) => JsonSerializer.Deserialize<int[][]>(File.ReadAllText(file))!;
}
