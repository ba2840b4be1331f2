using System.Globalization;
using Xunit;

namespace ElasticEp.Tests.Simulation;

/// <summary>Many seeds of the simulated group. <c>ELASTICEP_SEED</c> gives the first seed, <c>ELASTICEP_SEEDS</c> how many.</summary>
public sealed class SimulationTests(ITestOutputHelper output)
{
    private static readonly Lock Gate = new();

    [Fact]
    public void The_fixed_seeds_keep_every_invariant()
    {
        var coverage = RunSeeds(Read("ELASTICEP_SEED", 1), (int)Read("ELASTICEP_SEEDS", 1_000));
        output.WriteLine(coverage.ToString());
    }

    private SimCoverage RunSeeds(ulong first, int count)
    {
        output.WriteLine($"seeds {first} to {first + (ulong)count - 1}");
        var coverage = new SimCoverage();
        var failures = new SortedDictionary<ulong, string>();
        Parallel.For(0, count, index =>
        {
            var simulation = new Simulation(first + (ulong)index);
            try
            {
                simulation.Run();
                lock (Gate)
                    coverage.Merge(simulation.Coverage);
            }
            catch (SimulationException exception)
            {
                lock (Gate)
                    failures[first + (ulong)index] = exception.ToString();
            }
        });
        foreach (var (seed, message) in failures.Skip(1).Take(40))
            output.WriteLine($"{seed}: {message.Split('\n')[0]}");
        Assert.True(failures.Count == 0, failures.Count == 0 ? "" : $"{failures.Count} of {count} seeds failed\n{failures.First().Value}");
        return coverage;
    }

    private static ulong Read(string variable, ulong otherwise) =>
        ulong.TryParse(Environment.GetEnvironmentVariable(variable), CultureInfo.InvariantCulture, out var value) ? value : otherwise;
}
