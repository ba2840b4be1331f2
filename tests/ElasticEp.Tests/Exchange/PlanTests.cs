using System.Text.Json;
using ElasticEp.TestKit;

namespace ElasticEp.Tests.Exchange;

/// <summary>The elastic plans without a killed rank: one view after another, every row checked in each. Those with one are run by the whole machine.</summary>
public sealed class PlanTests
{
    public static TheoryData<string, ElementType, CombineMode> Plans
    {
        get
        {
            var data = new TheoryData<string, ElementType, CombineMode>();
            foreach (var file in Directory.GetFiles(Path.Combine(AppContext.BaseDirectory, "Plans"), "*.json").Order(StringComparer.Ordinal))
            {
                if (Read(file).Any(phase => phase.Any(rank => rank < 0)))
                    continue;
                foreach (var type in new[] { ElementType.BFloat16, ElementType.Float32 })
                {
                    data.Add(Path.GetFileName(file), type, CombineMode.Exact);
                    data.Add(Path.GetFileName(file), type, CombineMode.PreReduced);
                }
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Plans))]
    public async Task Every_phase_of_a_plan_receives_and_combines_what_the_oracle_says(string plan, ElementType type, CombineMode mode)
    {
        var options = ExchangeSetup.Options(type, mode, layers: 3, experts: 24, topK: 4, hidden: 64);
        await using var group = new ExchangeGroup(options, shuffleSeed: 17);
        long step = 1;
        long epoch = 0;
        foreach (var ranks in Read(Path.Combine(AppContext.BaseDirectory, "Plans", plan)))
        {
            var view = ExchangeSetup.View(options, ++epoch, ranks);
            group.Enter(view, step);
            Assert.Equal(ranks, view.Members.Select(member => member.Rank));
            for (var i = 0; i < 3; i++)
                await group.RunStepAsync(step++);
        }

        Assert.DoesNotContain(group.Network.Violations, violation => violation is ElasticEpException);
    }

    [Fact]
    public void The_plans_are_there() => Assert.Equal(24, Plans.Count); // six of nine kill nobody

    private static int[][] Read(string file) => JsonSerializer.Deserialize<int[][]>(File.ReadAllText(file))!;
}
