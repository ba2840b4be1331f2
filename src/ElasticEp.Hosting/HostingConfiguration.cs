using ElasticEp.Composition;
using Microsoft.Extensions.Configuration;

namespace ElasticEp.Hosting;

/// <summary>
/// Takes options from the configuration, before the code sets what it wants otherwise: first from section <c>ElasticEp</c>, which counts for every
/// group of this process, then from <c>ElasticEp:Groups:{name}</c>. So a launcher, a unit file or a pod says what is this process's own.
/// </summary>
internal static class HostingConfiguration
{
    private const string Launcher = "Launcher";

    public static void Bind(ElasticEpOptions options, string group, bool isClient, IConfiguration? configuration)
    {
        var before = options.Rank;
        foreach (var path in (string[])[SectionBinder.Root, SectionBinder.GroupPath(group)])
            Bind(options, configuration?.GetSection(path));
        if (isClient)
            options.Rank = before; // the variable is for the ranks that this process starts, or one that it has elsewhere
    }

    public static void Bind(ElasticEpOptions options, IConfigurationSection? section) =>
        SectionBinder.Bind(section, part => part.Bind(options), options.Unreadable);

    public static void Bind(LocalProcessLauncherOptions options, string group, IConfiguration? configuration)
    {
        foreach (var path in (string[])[SectionBinder.Root, SectionBinder.GroupPath(group)])
            SectionBinder.Bind(configuration?.GetSection($"{path}:{Launcher}"), part => part.Bind(options), options.Unreadable);
    }
}
