using ElasticEp.Hosting;
using ElasticEp.TestKit;
using ElasticEp.Transport;
using Microsoft.Extensions.DependencyInjection;

namespace ElasticEp.Packages.Tests;

/// <summary>A transport's suite, as the author of a transport uses it.</summary>
public sealed class TransportTests : TransportConformance
{
    private readonly InProcessCluster _cluster = new();

    protected override ITransport Create() => new CountingTransport(InProcess(_cluster));

    internal static ITransport InProcess(InProcessCluster cluster)
    {
        var services = new ServiceCollection();
        services.AddElasticExpertParallelClient("group", _ => { }).UseInProcessCluster(cluster);
        return services.BuildServiceProvider().GetRequiredKeyedService<ITransport>("group");
    }
}

/// <summary>Dispatch and combine over it.</summary>
public sealed class ExchangeTests : ExchangeConformance
{
    private readonly InProcessCluster _cluster = new();

    protected override ITransport Create() => new CountingTransport(TransportTests.InProcess(_cluster));
}
