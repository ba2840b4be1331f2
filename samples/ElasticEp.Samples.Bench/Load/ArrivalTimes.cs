namespace ElasticEp.Samples.Bench.Load;

/// <summary>When each request is sent, in seconds from the start of the run, as <c>vllm bench serve</c> spreads them.</summary>
internal static class ArrivalTimes
{
    /// <summary>
    /// All 0 at an infinite rate. Otherwise sums of gamma-distributed gaps with mean 1/rate, stretched so that the last request is
    /// sent at exactly count/rate: two runs with different seeds offer the same load.
    /// </summary>
    public static double[] Create(int count, double rate, double burstiness, Random random)
    {
        var times = new double[count];
        if (double.IsPositiveInfinity(rate))
            return times;
        var sum = 0.0;
        for (var i = 0; i < count; i++)
            times[i] = sum += double.IsPositiveInfinity(burstiness) ? 1 / rate : GammaDistribution.Next(random, burstiness, 1 / (rate * burstiness));
        var stretch = sum > 0 ? count / rate / sum : 0;
        for (var i = 0; i < count; i++)
            times[i] *= stretch;
        return times;
    }
}
