using ElasticEp.Tests.Simulation;

namespace ElasticEp.Tests.Membership;

/// <summary>Small views for tests of the cores.</summary>
internal static class TestViews
{
    public static GroupMember Member(int rank) => new(rank, rank + 1, $"test:{rank}", $"node-{rank % 2}");

    public static MemberId Id(int rank) => Member(rank).Id;

    public static GroupView View(long epoch, params int[] ranks) => Started(epoch, 0, ranks);

    public static GroupView Started(long epoch, long startStep, params int[] ranks) =>
        new(epoch, startStep, ranks[0], ranks.Select(Member), SimPlanner.Plan(GroupView.None, ranks).Placement);
}
