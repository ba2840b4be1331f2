using ElasticEp.Placement;

namespace ElasticEp.Tests.Placement;

/// <summary>Which copy of an expert a token goes to.</summary>
public sealed class ReplicaChoiceTests
{
    private static readonly ExpertReplica[] Copies = [new(1, 5), new(1, 8), new(2, 0), new(4, 3), new(5, 1)];

    [Fact]
    public void The_only_copy_is_chosen_wherever_it_is() => Assert.Equal(Copies[3], Choose([Copies[3]], View("a", "b"), 0, 17));

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void A_rank_that_holds_a_copy_keeps_its_tokens(int token) => Assert.Equal(Copies[2], Choose(Copies, View("a", "a", "b"), 2, token));

    [Fact]
    public void Tokens_take_turns_among_several_own_copies() =>
        Assert.Equal([Copies[1], Copies[0], Copies[1]], Enumerable.Range(0, 3).Select(token => Choose(Copies, View("a"), 1, token)));

    [Fact]
    public void A_rank_without_a_copy_takes_turns_among_those_on_its_node() =>
        Assert.Equal([Copies[4], Copies[2], Copies[4]], Enumerable.Range(0, 3).Select(token => Choose(Copies, View("a", "a", "b", "b", "a", "b"), 3, token)));

    [Theory]
    [InlineData("")] // unknown
    [InlineData("c")] // without a copy
    public void Without_a_copy_on_its_node_it_takes_turns_among_all(string node)
    {
        var view = View("", "", "", node, "", "");
        Assert.Equal([Copies[3], Copies[4], Copies[0], Copies[1], Copies[2], Copies[3]], Enumerable.Range(0, 6).Select(token => Choose(Copies, view, 3, token)));
    }

    [Fact]
    public void Ranks_begin_at_different_copies() =>
        Assert.Equal([Copies[0], Copies[3], Copies[1]], ((int[])[0, 3, 6]).Select(rank => Choose(Copies, View("", "", "", "", "", "", ""), rank, 0)));

    [Fact]
    public void A_table_has_for_each_expert_of_each_layer_the_copies_among_which_its_rank_chooses()
    {
        var placement = new ExpertPlacement(3, [0, 1, 2], [[[0, 1], [0, 2], [1, 0]], [[-1], [2], [1]]]);
        var view = new GroupView(1, 0, 0, Enumerable.Range(0, 3).Select(rank => new GroupMember(rank, 1, "", rank < 2 ? "a" : "b")), placement);
        var table = new ReplicaCandidates(view, 1);
        Assert.Equal([new ExpertReplica(1, 0)], table.Of(0, 0).ToArray()); // its own
        Assert.Equal([new ExpertReplica(0, 1)], table.Of(0, 1).ToArray()); // on its node
        Assert.Equal([new ExpertReplica(1, 1)], table.Of(0, 2).ToArray());
        Assert.Equal([new ExpertReplica(2, 0)], table.Of(1, 1).ToArray()); // the only one
        Assert.True(table.Of(1, 0).IsEmpty);
    }

    private static ExpertReplica Choose(ExpertReplica[] copies, GroupView view, int rank, int token) => ReplicaChoice.Choose(ReplicaChoice.Among(copies, view, rank), rank, token);

    /// <summary>Ranks 0, 1, … on these nodes.</summary>
    private static GroupView View(params string[] nodes) => new(1, 0, 0, nodes.Select((node, rank) => new GroupMember(rank, 1, "", node)), ExpertPlacement.Empty);
}
