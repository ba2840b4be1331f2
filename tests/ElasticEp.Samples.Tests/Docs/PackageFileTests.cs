using System.Xml.Linq;

namespace ElasticEp.Samples.Tests.Docs;

/// <summary>The files that say which packages there are, and which are used.</summary>
public sealed class PackageFileTests
{
    [Fact]
    public void Every_pinned_package_has_a_user()
    {
        var pinned = XDocument.Parse(RepositoryFiles.Read("Directory.Packages.props")).Descendants("PackageVersion").Select(package => package.Attribute("Include")!.Value);
        var used = RepositoryFiles.Projects().Append("Directory.Build.props")
            .SelectMany(project => XDocument.Parse(RepositoryFiles.Read(project)).Descendants("PackageReference").Select(package => package.Attribute("Include")!.Value));
        Assert.Empty(pinned.Except(used));
    }

    [Fact]
    public void The_template_names_the_packages_of_this_version()
    {
        var version = XDocument.Parse(RepositoryFiles.Read("Directory.Build.props")).Descendants("Version").Single().Value;
        var references = XDocument.Parse(RepositoryFiles.Read("templates/ElasticEp.Templates/elasticep-worker/ElasticEpApp.csproj")).Descendants("PackageReference").ToArray();
        Assert.NotEmpty(references);
        Assert.All(references, reference => Assert.Equal(version, reference.Attribute("Version")!.Value));
    }
}
