using System.Reflection.Metadata;
using System.Text.Json;

namespace ElasticEp.Packages.Tests;

/// <summary>What is in the packages, and what they say of themselves.</summary>
public sealed class PackageTests
{
    private static readonly Guid SourceLink = new("CC110556-A091-4D38-9FEC-25AB9A351A6A"); // the kind of that entry in portable symbols

    public static TheoryData<string> Libraries => ["ElasticEp", "ElasticEp.Hosting", "ElasticEp.TestKit", "ElasticEp.Transports.Rdma", "ElasticEp.Transports.Tcp"];

    [Theory]
    [MemberData(nameof(Libraries))]
    public void A_package_has_its_library_with_documentation_a_readme_and_an_icon(string id)
    {
        using var package = new Package(id);
        Assert.Subset(package.Files.ToHashSet(), new HashSet<string> { "README.md", "icon.png", $"lib/net10.0/{id}.dll", $"lib/net10.0/{id}.xml" });
        var metadata = package.Metadata;
        Assert.Equal(("README.md", "icon.png", "MIT"), (metadata.Element("readme")!.Value, metadata.Element("icon")!.Value, metadata.Element("license")!.Value));
        Assert.True(metadata.Element("description")!.Value.Length > 40);
        Assert.DoesNotContain("Package Description", metadata.Element("description")!.Value, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Libraries))]
    public void A_package_names_its_repository_and_its_commit(string id)
    {
        using var package = new Package(id);
        var commit = CommitOf(package);
        var repository = package.Metadata.Element("repository")!;
        Assert.Equal("git", repository.Attribute("type")!.Value);
        Assert.False(string.IsNullOrEmpty(repository.Attribute("url")!.Value));
        Assert.Matches("^[0-9a-f]{40}$", commit);
    }

    [Theory]
    [MemberData(nameof(Libraries))]
    public void The_symbols_link_to_the_sources_of_that_commit_and_name_no_folder_of_the_builder(string id)
    {
        using var package = new Package(id);
        var commit = CommitOf(package);
        using var provider = MetadataReaderProvider.FromPortablePdbStream(Package.ReadSymbols(id));
        var reader = provider.GetMetadataReader();
        var links = reader.GetCustomDebugInformation(EntityHandle.ModuleDefinition).Select(handle => reader.GetCustomDebugInformation(handle)).Where(entry => reader.GetGuid(entry.Kind) == SourceLink).ToArray();
        Assert.SkipWhen(links.Length == 0, "The remote of this clone is at no host that SourceLink knows.");
        var link = Assert.Single(links);
        using var json = JsonDocument.Parse(reader.GetBlobBytes(link.Value));
        var document = Assert.Single(json.RootElement.GetProperty("documents").EnumerateObject());
        Assert.Equal("/_/*", document.Name);
        Assert.Contains(commit, document.Value.GetString(), StringComparison.Ordinal);
        Assert.All(reader.Documents, source => Assert.StartsWith("/_", reader.GetString(reader.GetDocument(source).Name), StringComparison.Ordinal));
    }

    [Theory]
    [MemberData(nameof(Libraries))]
    public void A_package_needs_the_others_of_its_own_version_and_no_later_ones(string id)
    {
        using var package = new Package(id);
        var needed = package.Metadata.Descendants("dependency").Where(dependency => dependency.Attribute("id")!.Value.StartsWith("ElasticEp", StringComparison.Ordinal)).ToArray();
        Assert.Equal(id == "ElasticEp" ? 0 : 1, needed.Length);
        Assert.All(needed, dependency => Assert.Equal($"[{Package.Version}]", dependency.Attribute("version")!.Value));
    }

    /// <summary>The commit that a package says it is of.</summary>
    private static string CommitOf(Package package)
    {
        var commit = package.Metadata.Element("repository")?.Attribute("commit")?.Value;
        Assert.SkipWhen(commit is null, "The packages were not built in a clone.");
        return commit!;
    }

    [Fact]
    public void The_package_of_templates_is_one()
    {
        using var package = new Package("ElasticEp.Templates");
        Assert.Equal("Template", package.Metadata.Element("packageTypes")!.Element("packageType")!.Attribute("name")!.Value);
        Assert.Subset(package.Files.ToHashSet(), new HashSet<string> { "README.md", "icon.png", "content/elasticep-worker/.template.config/template.json", "content/elasticep-worker/Program.cs" });
        Assert.DoesNotContain(package.Files, file => file.Contains("/bin/", StringComparison.Ordinal) || file.Contains("/obj/", StringComparison.Ordinal) || file.EndsWith(".dll", StringComparison.Ordinal));
    }
}
