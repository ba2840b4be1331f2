namespace ElasticEp.Tests.Architecture;

/// <summary>The scanner against a few types whose references are hidden as well as they can be.</summary>
public sealed class FolderGraphTests
{
    private static readonly FolderGraph Graph = FolderGraph.Of(typeof(FolderGraphTests).Assembly, $"{typeof(FolderGraphTests).Namespace}.{nameof(Sample)}");

    [Fact]
    public void A_reference_is_found_in_a_comparison_a_lambda_and_an_attribute_and_the_root_has_no_edges() =>
        Assert.Equal(["Garden -> Street", "Kitchen -> Garden", "Street -> Kitchen"], Graph.Edges);

    [Fact]
    public void A_cycle_is_found_once_and_described_by_the_types_that_make_it()
    {
        var cycles = Graph.FindCycles();
        Assert.Equal([["Garden", "Street", "Kitchen"]], cycles);
        Assert.Equal(
            """
            Folder cycles below ElasticEp.Tests.Architecture.Sample:
              Garden -> Street -> Kitchen -> Garden
            made of
              Garden -> Street (2): Bed -> Lane, ...
              Kitchen -> Garden (1): Cook -> Bed
              Street -> Kitchen (1): Lane -> Cook

            """,
            Graph.Describe(cycles, examples: 1));
    }
}
