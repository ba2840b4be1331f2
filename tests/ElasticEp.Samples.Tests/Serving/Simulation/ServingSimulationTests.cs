using System.Globalization;

namespace ElasticEp.Samples.Tests.Serving.Simulation;

/// <summary>
/// Both cores under faults: each position once and right, one owner, no page and no slot left behind, and the oldest request never set back.
/// <c>ELASTICEP_SEED</c> gives the first seed, <c>ELASTICEP_SEEDS</c> how many.
/// </summary>
public sealed class ServingSimulationTests(ITestOutputHelper output)
{
    private const int Seeds = 60;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Every_position_comes_once_and_nothing_is_left_behind(int stepsInFlight)
    {
        var (preemptions, kills, leaves, cuts, failures, failed, requests) = (0, 0, 0, 0, 0, 0, 0);
        foreach (var seed in Range())
        {
            var simulation = new ServingSimulation(seed, new SimSettings { Limits = new SimSettings().Limits with { StepsInFlight = stepsInFlight } });
            try
            {
                simulation.Run();
            }
            catch (Exception exception)
            {
                throw new InvalidOperationException($"seed {seed}: {exception.Message}", exception);
            }

            preemptions += simulation.Preemptions;
            kills += simulation.Kills;
            leaves += simulation.Leaves;
            cuts += simulation.Cuts;
            failures += simulation.Failures;
            failed += simulation.Failed;
            requests += simulation.Requests;
        }

        output.WriteLine($"{preemptions} requests began again in the middle, {kills} kills, {leaves} leaves, {cuts} cuts, {failures} failed batches, {failed} of {requests} requests failed");
        Assert.True(preemptions > 0 && kills > 0 && leaves > 0 && cuts > 0 && failures > 0 && failed < requests / 5);
    }

    private static IEnumerable<ulong> Range()
    {
        var first = Read("ELASTICEP_SEED") ?? 1;
        return Enumerable.Range(0, (int)(Read("ELASTICEP_SEEDS") ?? Seeds)).Select(i => first + (ulong)i);
    }

    private static ulong? Read(string name) => Environment.GetEnvironmentVariable(name) is { } text ? ulong.Parse(text, CultureInfo.InvariantCulture) : null;
}
