using ElasticEp.Benchmarks.Steps;

namespace ElasticEp.Benchmarks.Comparing;

/// <summary>One figure of both commits, run by run: runs of the same place were made one after the other.</summary>
/// <param name="Benchmark">Whose figure it is.</param>
/// <param name="Name">What was measured.</param>
/// <param name="IsRate">Whether more is faster.</param>
/// <param name="Base">Of the commit that is compared with.</param>
/// <param name="Head">Of the commit that is compared.</param>
internal sealed record ComparedFigure(string Benchmark, string Name, bool IsRate, double[] Base, double[] Head)
{
    /// <summary>How many times slower the head was, of each pair of runs: above 1 is slower for times and rates alike.</summary>
    public double[] Ratios { get; } = [.. Base.Zip(Head, (before, after) => IsRate ? before / after : after / before)];

    /// <summary>The figures of a benchmark in all its runs.</summary>
    /// <exception cref="InvalidDataException">Runs have different figures.</exception>
    public static IEnumerable<ComparedFigure> Pair(string benchmark, IReadOnlyList<Figure[]> before, IReadOnlyList<Figure[]> after)
    {
        var names = before[0].Select(figure => figure.Name).ToArray();
        if (before.Count != after.Count || before.Concat(after).Any(run => !run.Select(figure => figure.Name).SequenceEqual(names)))
            throw new InvalidDataException($"The runs of {benchmark} do not have the same figures.");
        return names.Select((name, i) => new ComparedFigure(
            benchmark, name, before[0][i].IsRate, [.. before.Select(run => run[i].Value)], [.. after.Select(run => run[i].Value)]));
    }
}
