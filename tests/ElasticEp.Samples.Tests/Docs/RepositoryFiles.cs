using System.Reflection;

namespace ElasticEp.Samples.Tests.Docs;

/// <summary>The files that these tests were built from.</summary>
internal static class RepositoryFiles
{
    private static readonly string Root = typeof(RepositoryFiles).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(entry => entry.Key == "RepositoryRoot").Value!;

    public static string Read(string path) => File.ReadAllText(Path.Combine(Root, path)).ReplaceLineEndings("\n");

    public static bool Exists(string path) => Path.Exists(Path.Combine(Root, path));

    /// <summary>The projects of the solution, by path.</summary>
    public static IEnumerable<string> Projects() =>
        ((string[])["src", "samples", "tests", "benchmarks"]).SelectMany(folder => Directory.GetFiles(Path.Combine(Root, folder), "*.csproj", SearchOption.AllDirectories)).Select(path => Path.GetRelativePath(Root, path).Replace('\\', '/'));

    /// <summary>The readme and every document, by path.</summary>
    public static IEnumerable<string> Documents() =>
        Directory.GetFiles(Path.Combine(Root, "docs"), "*.md", SearchOption.AllDirectories).Select(path => Path.GetRelativePath(Root, path).Replace('\\', '/')).Prepend("README.md");
}
