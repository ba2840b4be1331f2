using Microsoft.Extensions.DependencyInjection;

namespace ElasticEp.Hosting;

internal sealed class ElasticEpBuilder(string name, IServiceCollection services) : IElasticEpBuilder
{
    public string Name { get; } = name;

    public IServiceCollection Services { get; } = services;
}
