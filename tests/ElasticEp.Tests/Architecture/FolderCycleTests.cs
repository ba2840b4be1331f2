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
    public void A_folder_without_public_types_holds_more_than_one_type()
    {
        var lonely = typeof(GroupView).Assembly.GetTypes()
            .Where(type => !type.IsNested && type.Namespace is { } name && name.StartsWith($"{nameof(ElasticEp)}.", StringComparison.Ordinal))
            .GroupBy(type => type.Namespace, (name, types) => (Name: name, Types: types.ToArray()))
            .Where(folder => folder.Types.Length < 2 && !folder.Types.Any(type => type.IsPublic));
        Assert.Empty(lonely);
    }
}
