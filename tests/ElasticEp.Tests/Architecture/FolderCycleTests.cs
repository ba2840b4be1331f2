using System.Text.RegularExpressions;

namespace ElasticEp.Tests.Architecture;

/// <summary>A folder of the core can be read with the folders below it alone: none refers back.</summary>
public sealed class FolderCycleTests
{
    private const int Examples = 3;

    [Fact]
    public void No_folder_of_the_core_refers_to_a_folder_that_refers_back()
    {
        var graph = FolderGraph.Of(typeof(GroupView).Assembly, nameof(ElasticEp));
        var cycles = graph.FindCycles();
        Assert.True(cycles.Count == 0, graph.Describe(cycles, Examples));
    }

    [Fact]
    public void A_folder_refers_only_to_those_above_it_on_the_page_of_the_architecture()
    {
        var page = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "architecture.md"));
        var rooms = Regex.Matches(page.Split("```")[1], @"^  (\w+)/ ", RegexOptions.Multiline).Select(match => match.Groups[1].Value).ToList();
        var graph = FolderGraph.Of(typeof(GroupView).Assembly, nameof(ElasticEp));
        Assert.Equal(graph.Folders, rooms.Order(StringComparer.Ordinal));
        var downward = graph.Edges.Where(edge => edge.Split(" -> ") is [var from, var to] && rooms.IndexOf(from) < rooms.IndexOf(to));
        Assert.Empty(downward);
    }

    [Fact]
    public void A_folder_without_public_types_holds_more_than_one_type()
    {
        var lonely = typeof(GroupView).Assembly.GetTypes()
            .Where(type => !type.IsNested && type.Namespace is { } name && name.StartsWith($"{nameof(ElasticEp)}.", StringComparison.Ordinal))
            .GroupBy(type => type.Namespace, (name, types) => (Name: name, Types: types.ToArray()))
            .Where(folder => folder.Types.Length < 2 && !folder.Types.Any(type => type.IsPublic));
        Assert.Empty(lonely);
    }
}
