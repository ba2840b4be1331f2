using System.IO.Compression;
using System.Xml.Linq;

namespace ElasticEp.Packages.Tests;

/// <summary>A package in the folder that <c>ELASTICEP_FEED</c> names.</summary>
internal sealed class Package(string id) : IDisposable
{
    private readonly ZipArchive _archive = ZipFile.OpenRead(PathOf(id, "nupkg"));

    public static string Version => typeof(ElasticEpOptions).Assembly.GetName().Version!.ToString(3);

    /// <summary>What its manifest says; names are without their namespace.</summary>
    public XElement Metadata
    {
        get
        {
            using var stream = _archive.GetEntry($"{id}.nuspec")!.Open();
            var root = XDocument.Load(stream).Root!;
            foreach (var element in root.DescendantsAndSelf())
                element.Name = element.Name.LocalName;
            return root.Element("metadata")!;
        }
    }

    public IEnumerable<string> Files => _archive.Entries.Select(entry => entry.FullName);

    /// <summary>The symbols, from the package of symbols beside it.</summary>
    public static MemoryStream ReadSymbols(string id)
    {
        using var archive = ZipFile.OpenRead(PathOf(id, "snupkg"));
        using var stream = archive.GetEntry($"lib/net10.0/{id}.pdb")!.Open();
        var symbols = new MemoryStream();
        stream.CopyTo(symbols);
        symbols.Position = 0;
        return symbols;
    }

    public void Dispose() => _archive.Dispose();

    private static string PathOf(string id, string kind) => Path.Combine(
        Environment.GetEnvironmentVariable("ELASTICEP_FEED") ?? throw new InvalidOperationException("Set ELASTICEP_FEED to the folder of the packages."), $"{id}.{Version}.{kind}");
}
