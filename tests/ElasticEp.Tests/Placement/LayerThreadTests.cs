using CsCheck;
using ElasticEp.Placement;

namespace ElasticEp.Tests.Placement;

/// <summary>Layers are planned by any number of threads with the same result. CsCheck prints the seed of a failure.</summary>
public sealed class LayerThreadTests
{
    [Fact]
    public void A_plan_is_the_same_with_any_number_of_threads() => RandomCase.All.Sample(
        history => history.Play(request =>
        {
            var expected = Describe(request, 1);
            foreach (var threads in (int[])[2, 3, 8])
                Assert.Equal(expected, Describe(request, threads));
            return new MinimalMove(threads: 2).Plan(request);
        }),
        iter: 2000);

    [Fact]
    public void Many_layers_are_planned_the_same_by_one_thread_and_by_several()
    {
        var random = new Random(7);
        var load = Enumerable.Range(0, 40 * 24).Select(_ => (float)random.Next(1000)).ToArray();
        var birth = new MinimalMove(threads: 1).Plan(Ask(ExpertPlacement.Empty, 6, load, null));
        var drifted = load.Select(value => value * (0.5f + random.NextSingle())).ToArray();
        foreach (var budget in (long?[])[null, 0, 60])
        {
            var request = Ask(birth, 5, drifted, budget);
            Assert.Equal(Describe(request, 1), Describe(request, 4));
        }
    }

    [Fact]
    public void What_is_thrown_is_what_the_first_layer_throws()
    {
        for (var round = 0; round < 50; round++)
        {
            var error = Assert.Throws<InvalidOperationException>(() => LayerThreads.Run(20, 4, () => 0, (layer, _) =>
            {
                if (layer % 7 == 3)
                    throw new InvalidOperationException($"layer {layer}");
            }));
            Assert.Equal("layer 3", error.Message);
        }
    }

    private static string Describe(PlacementRequest request, int threads)
    {
        try
        {
            var plan = PlacementPlanner.Plan(new MinimalMove(threads), request, threads: threads);
            return string.Join('\n', plan.Stages.Select(stage => Convert.ToHexString(stage.Placement.Encode().Span) + string.Join(' ', stage.Transfers)));
        }
        catch (ElasticEpException refused)
        {
            return refused.Message;
        }
    }

    private static PlacementRequest Ask(ExpertPlacement current, int ranks, float[] load, long? budget) => new()
    {
        Layers = 40,
        Experts = 24,
        Ranks = [.. Enumerable.Range(0, ranks).Select(rank => new RankCapacity(rank, 6, 1, $"node-{rank % 2}"))],
        Current = current,
        RedundantExperts = 6,
        Load = load,
        MovementBudget = budget,
    };
}
