using Microsoft.Extensions.DependencyInjection;

namespace ElasticEp.Tests.Peer;

/// <summary>A group of which only the transport is wanted.</summary>
internal sealed class PeerBuilder(IServiceCollection services) : IElasticEpBuilder
{
    public const string Group = "test";

    public string Name => Group;

    public IServiceCollection Services => services;
}
