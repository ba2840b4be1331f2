using ElasticEp.Diagnostics;
using ElasticEp.Exchange.Cpu;
using ElasticEp.Runtime;
using ElasticEp.Tests.Cluster;
using ElasticEp.Transport;
using Microsoft.Extensions.Logging.Abstractions;

namespace ElasticEp.Tests.Runtime;

/// <summary>An operator starts a second process under the number of a member that is alive.</summary>
public sealed class SecondProcessTests
{
    [Fact]
    public async Task The_member_stays_connected_and_steps_go_on_when_the_second_process_comes_and_when_it_goes()
    {
        await using var cluster = await ElasticCluster.StartAsync();
        var view = cluster.Client.View;
        var transport = new InProcessTransport(cluster.Hub);
        var services = new GroupServices("toy", cluster.Options, transport, cluster.Store, TimeProvider.System, NullLoggerFactory.Instance, new ElasticEpMetrics(cluster.MeterFactory));
        await using (var second = new RankRuntime(services, 1, new CpuEngineFactory(), new ToyWorkload(), cluster.Policy))
        {
            await second.StartAsync(CancellationToken.None);
            var other = cluster.Client.View.Find(0)!.Id;
            await cluster.WaitUntilAsync(() => transport.Connections.TryGetValue(other, out var connection) && connection.IsUp, "the second process to connect");
            await cluster.WaitForStepsAsync(20);
        }

        await cluster.WaitForStepsAsync(20);
        Assert.Equal(view.Epoch, cluster.Client.View.Epoch);
        Assert.All(cluster.Ranks, rank => Assert.Equal(0, rank.Runtime.GetStatistics().Retries));
    }
}
