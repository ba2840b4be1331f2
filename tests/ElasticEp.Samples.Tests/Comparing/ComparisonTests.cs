using ElasticEp.Benchmarks.Comparing;
using ElasticEp.Benchmarks.Steps;

namespace ElasticEp.Samples.Tests.Comparing;

public sealed class ComparisonTests
{
    private const int Seed = 1;

    [Fact]
    public void A_ratio_above_one_is_slower_for_times_and_rates_alike()
    {
        Figure[][] before = [[new("time", 10), new("rate", 100, IsRate: true)], [new("time", 20), new("rate", 100, IsRate: true)]];
        Figure[][] after = [[new("time", 11), new("rate", 80, IsRate: true)], [new("time", 18), new("rate", 125, IsRate: true)]];

        var figures = ComparedFigure.Pair("serve", before, after).ToArray();

        Assert.Equal(["time", "rate"], figures.Select(figure => figure.Name));
        Assert.Equal([1.1, 0.9], figures[0].Ratios);
        Assert.Equal([1.25, 0.8], figures[1].Ratios);
    }

    [Fact]
    public void Runs_with_different_figures_are_not_compared()
    {
        Figure[][] before = [[new("2 ranks", 1)], [new("2 ranks", 1)]];
        Assert.Throws<InvalidDataException>(() => ComparedFigure.Pair("step", before, [[new("2 ranks", 1)], [new("4 ranks", 1)]]).ToArray());
        Assert.Throws<InvalidDataException>(() => ComparedFigure.Pair("step", before, [[new("2 ranks", 1)]]).ToArray());
    }

    [Fact]
    public void Equal_ratios_have_an_interval_of_no_width() => Assert.Equal(new MedianInterval(1.02, 1.02), MedianInterval.Of([1.02, 1.02, 1.02, 1.02], Seed));

    [Fact]
    public void An_interval_is_as_wide_as_the_order_statistics_of_its_values()
    {
        // Of 21 values the binomial 95 % interval of the median reaches from the 6th to the 16th.
        var interval = MedianInterval.Of([.. Enumerable.Range(1, 21).Select(value => (double)value)], Seed);
        Assert.InRange(interval.Low, 6, 8);
        Assert.InRange(interval.High, 14, 16);
    }

    [Fact]
    public void A_seed_gives_the_same_interval_again()
    {
        double[] values = [0.97, 1.01, 1.04, 0.99, 1.1];
        Assert.Equal(MedianInterval.Of(values, Seed), MedianInterval.Of(values, Seed));
    }

    [Theory]
    [InlineData(10.4, 0)]
    [InlineData(10.6, 1)]
    public void The_table_passes_what_lies_below_the_bound(double head, int exitCode)
    {
        var folder = Directory.CreateTempSubdirectory();
        try
        {
            foreach (var pair in (string[])["01", "02", "03"])
            {
                Figures.Write([$"json={Path.Combine(folder.FullName, $"step.{pair}.base.json")}"], [new Figure("µs a step", 10)]);
                Figures.Write([$"json={Path.Combine(folder.FullName, $"step.{pair}.head.json")}"], [new Figure("µs a step", head)]);
            }

            Assert.Equal(exitCode, ComparisonTable.Run([folder.FullName, "bound=1.05"], TextWriter.Null));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }
}
