using Microsoft.Extensions.Configuration;

namespace ElasticEp.Composition;

/// <summary>Binds a section of the configuration option by option: a value that cannot be read is one failure, and all others count.</summary>
internal static class SectionBinder
{
    /// <summary>Section of what is said of every group of this process.</summary>
    public const string Root = "ElasticEp";

    /// <summary>Section of what is said of one group, which goes before that.</summary>
    public static string GroupPath(string group) => $"{Root}:Groups:{group}";

    /// <summary>Binds what a section has.</summary>
    /// <param name="section">The section; null for none.</param>
    /// <param name="bind">Binds a configuration that has one option, or one that is a list, at its root.</param>
    /// <param name="failures">Gets a sentence for each option that cannot be read.</param>
    public static void Bind(IConfigurationSection? section, Action<IConfiguration> bind, ICollection<string> failures)
    {
        if (section is null)
            return;
        foreach (var option in section.AsEnumerable(makePathsRelative: true).Where(entry => entry.Value is not null && entry.Key.Length > 0).GroupBy(entry => WithoutIndex(entry.Key), StringComparer.OrdinalIgnoreCase))
        {
            try
            {
                bind(new ConfigurationBuilder().AddInMemoryCollection(option).Build());
            }
            catch (InvalidOperationException exception)
            {
                failures.Add($"{section.Path}:{option.Key} is '{string.Join(", ", option.Select(entry => entry.Value))}', which cannot be read: {(exception.InnerException ?? exception).Message}");
            }
        }
    }

    /// <summary>The elements of a list are bound together.</summary>
    private static string WithoutIndex(string key)
    {
        var end = key.LastIndexOf(':');
        return end > 0 && int.TryParse(key.AsSpan(end + 1), out _) ? key[..end] : key;
    }
}
