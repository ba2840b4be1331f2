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
