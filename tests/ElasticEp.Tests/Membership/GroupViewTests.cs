namespace ElasticEp.Tests.Membership;

public sealed class GroupViewTests
{
    [Theory]
    [InlineData]
    [InlineData(0)]
    [InlineData(3)]
    [InlineData(0, 2, 3)]
    [InlineData(5, 1, 900)]
    [InlineData(0, 1, int.MaxValue)]
    [InlineData(20, 40, 60, 80, 100, 1_000_000, 1_000_001)]
    public void Every_member_is_found_by_its_rank_and_no_other_rank_is(params int[] ranks)
    {
        var view = ViewOf(ranks);
        foreach (var rank in ranks)
        {
            Assert.Equal(rank, view.Find(rank)?.Rank);
            Assert.True(view.Contains(rank));
        }

        foreach (var other in (int[])[int.MinValue, -1, 4, 16, 64, 999_999, int.MaxValue - 1])
        {
            Assert.Null(view.Find(other));
            Assert.False(view.Contains(other));
        }
    }

    [Fact]
    public void A_view_takes_memory_by_its_members_and_not_by_its_highest_rank()
    {
        ViewOf([0, 1]); // everything is compiled
        var before = GC.GetAllocatedBytesForCurrentThread();
        ViewOf([0, int.MaxValue]);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 10_000);
    }

    private static GroupView ViewOf(int[] ranks) => new(1, 0, -1, ranks.Select(rank => new GroupMember(rank, 1, "")), ExpertPlacement.Empty);
}
