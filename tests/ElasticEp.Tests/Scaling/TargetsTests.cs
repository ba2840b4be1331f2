using ElasticEp.Protocol;
using ElasticEp.Scaling;
using ElasticEp.Tests.Membership;

namespace ElasticEp.Tests.Scaling;

public sealed class TargetsTests
{
    private static readonly GroupView View = TestViews.View(3, 1, 2, 4);

    private static readonly ElasticEpOptions Options = new()
    {
        MaxRanks = 6,
        MinRanks = 1,
        SlotsPerRank = 4,
        Model = new MoeModelShape { Experts = 8, MoeLayers = 1, TopK = 1, HiddenSize = 16 },
    };

    [Theory]
    [InlineData(2, new[] { 1, 2 })]
    [InlineData(3, new[] { 1, 2, 4 })]
    [InlineData(5, new[] { 0, 1, 2, 3, 4 })]
    public void A_size_keeps_the_lowest_members_and_fills_the_lowest_holes(int size, int[] expected) =>
        Assert.Equal(expected, Targets.Resolve(new OperationRequest("a", OperationKind.Scale) { Size = size }, View, Options));

    [Fact]
    public void Ranks_are_taken_as_they_are_given() =>
        Assert.Equal([0, 5], Targets.Resolve(new OperationRequest("a", OperationKind.Scale) { Ranks = [5, 0] }, View, Options));

    [Fact]
    public void Removed_ranks_are_taken_away() =>
        Assert.Equal([1, 4], Targets.Resolve(new OperationRequest("a", OperationKind.Leave) { Remove = [2] }, View, Options));

    [Theory]
    [InlineData(2, 4, new[] { 1, 2 })] // one that was to stay is lost: another one stays
    [InlineData(4, 4, new[] { 0, 1, 2, 3 })] // its number is free again
    public void After_a_loss_the_same_size_is_aimed_at_with_who_is_left(int size, int lost, int[] expected)
    {
        var left = TestViews.View(4, [.. View.Members.Select(member => member.Rank).Where(rank => rank != lost)]);
        Assert.Equal(expected, Targets.ResolveAgain(new OperationRequest("a", OperationKind.Scale) { Size = size }, left, Options));
    }

    [Fact]
    public void A_rank_that_was_to_leave_and_was_lost_has_left() =>
        Assert.Equal([1, 2], Targets.ResolveAgain(new OperationRequest("a", OperationKind.Scale) { Remove = [4] }, TestViews.View(4, 1, 2), Options));

    [Theory]
    [InlineData(3, 2)] // one of three leaves
    [InlineData(5, 4)] // two more were lost before: they are still to be replaced
    public void Removing_ranks_makes_no_other_loss_wanted(int before, int after)
    {
        var operation = new PendingOperation(new OperationRequest("a", OperationKind.Scale) { Remove = [4] }, [1, 2], [], [4]);
        Assert.Equal(after, Targets.WantedAfter(operation, before));
        Assert.Equal(2, Targets.WantedAfter(operation with { Request = new OperationRequest("a", OperationKind.Scale) { Size = 2 } }, before));
    }

    [Fact]
    public void Stopping_leaves_nobody() => Assert.Empty(Targets.Resolve(new OperationRequest("a", OperationKind.Stop), View, Options));

    [Fact]
    public void What_cannot_be_is_refused_with_its_reason()
    {
        AssertRefused(new OperationRequest("a", OperationKind.Scale), ElasticEpErrorCode.InvalidArgument);
        AssertRefused(new OperationRequest("a", OperationKind.Scale) { Size = 2, Remove = [1] }, ElasticEpErrorCode.InvalidArgument);
        AssertRefused(new OperationRequest("a", OperationKind.Scale) { Size = 7 }, ElasticEpErrorCode.ImpossibleGroup);
        AssertRefused(new OperationRequest("a", OperationKind.Scale) { Size = 1 }, ElasticEpErrorCode.ImpossibleGroup); // 4 slots, 8 experts
        AssertRefused(new OperationRequest("a", OperationKind.Scale) { Ranks = [] }, ElasticEpErrorCode.ImpossibleGroup);
        AssertRefused(new OperationRequest("a", OperationKind.Scale) { Ranks = [1, 1] }, ElasticEpErrorCode.InvalidArgument);
        AssertRefused(new OperationRequest("a", OperationKind.Scale) { Ranks = [-1, 1] }, ElasticEpErrorCode.InvalidArgument);
        AssertRefused(new OperationRequest("a", OperationKind.Leave) { Remove = [0] }, ElasticEpErrorCode.InvalidArgument);
    }

    private static void AssertRefused(OperationRequest ask, ElasticEpErrorCode code) =>
        Assert.Equal(code, Assert.Throws<ElasticEpException>(() => Targets.Resolve(ask, View, Options)).Code);
}
