using ElasticEp.Samples.Serving;

namespace ElasticEp.Samples.Tests.Serving.Simulation;

/// <summary>Whether a resize helps those who wait: the cost of the busiest rank's steps against the mean, as the cores count it.</summary>
public sealed class BalanceTests(ITestOutputHelper output)
{
    private const int Requests = 700;
    private const int Text = 400;
    private const int LongestPrompt = 64;
    private const int StepsBefore = 100; // 2 s of steps of 20 ms
    private const double MostRatio = 1.25;

    private static readonly SimSettings Settings = new()
    {
        Limits = new ModelLimits { Pages = 8_000, PageSize = 16, Rows = 512, Sequences = 256, Positions = 2_048, Cost = new ModelCost(1, 0.001) },
        MaxPromptTokens = 256,
        Faults = 0,
        LateMessages = 0,
        MostDelay = 1,
    };

    [Fact]
    public void Growing_gives_new_ranks_work_at_once_and_an_even_share_of_it()
    {
        var simulation = Start(ranks: 1);
        simulation.Scale(4);
        simulation.Steps(3, isQuiet: true);
        Assert.All(simulation.Ranks.Skip(1), rank => Assert.True(rank.Core.PromptTokens > 0, $"{rank.Id} has read no prompt in its first three steps"));
        Assert.InRange(RatioUntilMostIsDone(simulation), 1, MostRatio);
    }

    [Fact]
    public void Shrinking_leaves_an_even_share_to_those_who_stay()
    {
        var simulation = Start(ranks: 4);
        simulation.Scale(2);
        simulation.Steps(10, isQuiet: true);
        Assert.Equal(2, simulation.Ranks.Count);
        Assert.InRange(RatioUntilMostIsDone(simulation), 1, MostRatio);
    }

    [Fact]
    public void Prompts_of_all_lengths_beside_streams_are_spread_better_by_work_than_by_number()
    {
        var byWork = MixedRatio(Settings);
        var byNumber = MixedRatio(Settings with { Load = static member => member.Requests.Count });
        var smaller = MixedRatio(Settings with { MaxPromptTokens = 128 });
        output.WriteLine($"busiest rank's cost by the mean: {byWork:0.000} by outstanding work, {byNumber:0.000} by number of requests; {smaller:0.000} by work with 128 prompt tokens a step");
        Assert.True(byWork < byNumber);
        Assert.InRange(smaller, 1, 1.5);
    }

    private static double MixedRatio(SimSettings settings)
    {
        var simulation = new ServingSimulation(seed: 7, settings with { Ranks = 4 });
        var random = new SimRandom(7);
        for (var request = 0; request < 256; request++)
            simulation.Submit(random.Between(1, LongestPrompt), 600);
        simulation.Steps(StepsBefore / 4, isQuiet: true);
        var (busiest, mean) = (0.0, 0.0);
        for (var step = 0; step < 480; step++)
        {
            if (step % 2 == 0)
                simulation.Submit(random.Between(64, 1_900), random.Between(16, 100));
            simulation.Step(isQuiet: true);
            busiest += simulation.Ranks.Max(rank => rank.Cost);
            mean += simulation.Ranks.Average(rank => rank.Cost);
        }

        return busiest / mean;
    }

    private static ServingSimulation Start(int ranks)
    {
        var simulation = new ServingSimulation(seed: 5, Settings with { Ranks = ranks });
        var random = new SimRandom(5);
        for (var request = 0; request < Requests; request++)
            simulation.Submit(random.Between(16, LongestPrompt), Text);
        simulation.Steps(StepsBefore, isQuiet: true);
        return simulation;
    }

    /// <summary>From 2 s on until 90 % of all tokens are out: the sum of the busiest ranks' step costs by the sum of the means.</summary>
    private double RatioUntilMostIsDone(ServingSimulation simulation)
    {
        simulation.Steps(StepsBefore, isQuiet: true);
        var (busiest, mean, steps) = (0.0, 0.0, 0);
        for (; simulation.Core.Released < 0.9 * simulation.TokensWanted; steps++)
        {
            Assert.InRange(steps, 0, 20_000);
            simulation.Step(isQuiet: true);
            busiest += simulation.Ranks.Max(rank => rank.Cost);
            mean += simulation.Ranks.Average(rank => rank.Cost);
        }

        output.WriteLine($"{steps} steps, {simulation.Preemptions} requests moved, ratio {busiest / mean:0.000}");
        return busiest / mean;
    }
}
