using System.Text.Json;
using ElasticEp.Tests.Tcp;

namespace ElasticEp.Tests.Cluster;

/// <summary>The whole machine on every elastic plan, under steps whose outputs are compared with the reference. A negative number is a rank that is killed in its phase.</summary>
public sealed class ElasticPlanTests
{
    private static readonly CancellationToken Token = TestContext.Current.CancellationToken;

    public static TheoryData<string, TcpLinks?> Plans
    {
        get
        {
            var data = new TheoryData<string, TcpLinks?>();
            foreach (var file in Directory.GetFiles(Path.Combine(AppContext.BaseDirectory, "Plans"), "*.json").Order(StringComparer.Ordinal))
            {
                foreach (var links in new TcpLinks?[] { null, TcpLinks.Tcp, TcpLinks.Unix })
                    data.Add(Path.GetFileName(file), links);
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Plans))]
    public async Task A_plan_runs_under_steps(string plan, TcpLinks? links)
    {
        var phases = JsonSerializer.Deserialize<int[][]>(await File.ReadAllTextAsync(Path.Combine(AppContext.BaseDirectory, "Plans", plan), Token))!;
        await using var cluster = await ElasticCluster.StartAsync(
            options => options.InitialRanks = phases[0].Length,
            createTransport: links is { } sockets ? () => sockets.Create() : null);
        foreach (var phase in phases)
        {
            var ranks = phase.Select(Math.Abs).ToArray();
            if (!MembersOf(cluster).SequenceEqual(ranks))
            {
                var result = await cluster.Client.ScaleAsync(new ScaleRequest { Ranks = ranks }, cancellationToken: Token);
                Assert.True(result.Outcome == ScalePhase.Completed, result.Reason);
            }

            Assert.Equal(ranks, MembersOf(cluster));
            await cluster.WaitForStepsAsync(20);
            var killed = phase.Where(rank => rank < 0).Select(Math.Abs).ToArray();
            if (killed.Length == 0)
                continue;
            foreach (var rank in killed)
                cluster.Kill(rank);
            await cluster.WaitForViewAsync(view => !killed.Any(view.Contains));
            await cluster.WaitForStepsAsync(20);
            Assert.Equal(ranks.Except(killed), MembersOf(cluster));
        }
    }

    [Fact]
    public void The_plans_are_there() => Assert.Equal(27, Plans.Count);

    private static IEnumerable<int> MembersOf(ElasticCluster cluster) => cluster.Client.View.Members.Select(member => member.Rank);
}
