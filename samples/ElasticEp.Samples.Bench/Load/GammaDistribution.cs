namespace ElasticEp.Samples.Bench.Load;

/// <summary>Draws from a gamma distribution (Marsaglia and Tsang, "A simple method for generating gamma variables", 2000).</summary>
internal static class GammaDistribution
{
    public static double Next(Random random, double shape, double scale)
    {
        if (shape < 1)
            return Next(random, shape + 1, scale) * Math.Pow(1 - random.NextDouble(), 1 / shape);
        var d = shape - (1.0 / 3);
        var c = 1 / Math.Sqrt(9 * d);
        while (true)
        {
            var x = NextNormal(random);
            var v = Math.Pow(1 + (c * x), 3);
            if (v > 0 && Math.Log(1 - random.NextDouble()) < (0.5 * x * x) + d - (d * v) + (d * Math.Log(v)))
                return d * v * scale;
        }
    }

    private static double NextNormal(Random random) =>
        Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
}
