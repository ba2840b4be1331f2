namespace ElasticEp.Samples.Bench.Reporting;

/// <summary>Round numbers for the marks of an axis.</summary>
internal static class AxisTicks
{
    private static readonly double[] Steps = [1, 2, 2.5, 5, 10];

    /// <summary>The smallest of 1, 2, 2.5 and 5 times a power of ten with which <paramref name="most"/> steps reach <paramref name="largest"/>.</summary>
    public static double Step(double largest, int most)
    {
        if (!(largest > 0))
            return 1;
        var least = largest / most;
        var power = Math.Pow(10, Math.Floor(Math.Log10(least)));
        return Steps.First(step => step * power >= least * (1 - 1e-9)) * power;
    }
}
