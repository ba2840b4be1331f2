using Microsoft.Extensions.DependencyInjection;

namespace ElasticEp;

/// <summary>Configures one group of one host.</summary>
public interface IElasticEpBuilder
{
    /// <summary>Name of the group; options and keyed services use it.</summary>
    string Name { get; }

    /// <summary>The host's services.</summary>
    IServiceCollection Services { get; }
}
