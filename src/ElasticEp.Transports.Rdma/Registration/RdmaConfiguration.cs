using ElasticEp.Composition;
using Microsoft.Extensions.Configuration;

namespace ElasticEp.Transports.Rdma.Registration;

/// <summary>Takes options from the configuration, before the code sets what it wants otherwise.</summary>
internal static class RdmaConfiguration
{
    private const string Section = "Rdma";

    public static void Bind(RdmaOptions options, string group, IConfiguration? configuration)
    {
        foreach (var path in (string[])[SectionBinder.Root, SectionBinder.GroupPath(group)])
            SectionBinder.Bind(configuration?.GetSection($"{path}:{Section}"), part => part.Bind(options), options.Unreadable);
    }
}
