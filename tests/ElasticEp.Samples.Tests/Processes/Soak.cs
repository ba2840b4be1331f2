namespace ElasticEp.Samples.Tests.Processes;

/// <summary>Tests that take long run in <c>.ci/soak</c>, which sets <c>ELASTICEP_SOAK</c>.</summary>
internal static class Soak
{
    public static void Require()
    {
        ProcFiles.Require();
        Assert.SkipWhen(Environment.GetEnvironmentVariable("ELASTICEP_SOAK") != "true", "ELASTICEP_SOAK=true runs what takes long.");
    }
}
