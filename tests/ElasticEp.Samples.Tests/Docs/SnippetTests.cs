using System.Text.RegularExpressions;

namespace ElasticEp.Samples.Tests.Docs;

/// <summary>The code in the documents is text of the samples, which the build compiles and other tests run.</summary>
public sealed partial class SnippetTests
{
    [Fact]
    public void Every_piece_of_code_in_the_documents_is_a_piece_of_a_sample()
    {
        var count = 0;
        foreach (var document in RepositoryFiles.Documents())
        {
            var text = RepositoryFiles.Read(document);
            var snippets = Snippet().Matches(text);
            Assert.Equal((document, text.Split("```csharp").Length - 1), (document, snippets.Count)); // each says where it is from
            foreach (Match snippet in snippets)
                AssertIsIn(snippet.Groups["code"].Value, snippet.Groups["file"].Value);
            count += snippets.Count;
        }

        Assert.True(count >= 4, $"there are {count} pieces of code");
    }

    [Fact]
    public void Every_link_in_the_documents_leads_somewhere()
    {
        foreach (var document in RepositoryFiles.Documents())
        {
            foreach (Match link in Link().Matches(RepositoryFiles.Read(document)))
            {
                var target = Path.Combine(Path.GetDirectoryName(document)!, link.Groups[1].Value);
                Assert.True(RepositoryFiles.Exists(target), $"{document} links to {link.Groups[1].Value}, which is not there");
            }
        }
    }

    /// <summary>Line by line in order, whatever the indentation; a line <c>// ...</c> stands for any lines left out.</summary>
    private static void AssertIsIn(string code, string file)
    {
        var source = RepositoryFiles.Read(file).Split('\n').Select(line => line.Trim()).ToArray();
        var at = 0;
        foreach (var part in Gap().Split(code))
        {
            var lines = part.Split('\n').Select(line => line.Trim()).SkipWhile(line => line.Length == 0).Reverse().SkipWhile(line => line.Length == 0).Reverse().ToArray();
            var found = Enumerable.Range(at, Math.Max(0, source.Length - lines.Length - at + 1)).Where(start => source.AsSpan(start, lines.Length).SequenceEqual(lines)).Select(start => (int?)start).FirstOrDefault();
            Assert.True(found is not null, $"{file} does not have, from line {at + 1} on:\n{part}");
            at = found.Value + lines.Length;
        }
    }

    [GeneratedRegex(@"<!-- from (?<file>\S+) -->\n```csharp\n(?<code>.*?)```", RegexOptions.Singleline)]
    private static partial Regex Snippet();

    [GeneratedRegex(@"^ *// \.\.\.$", RegexOptions.Multiline)]
    private static partial Regex Gap();

    [GeneratedRegex(@"\]\(([^)#:]+)(?:#[^)]*)?\)")]
    private static partial Regex Link();
}
