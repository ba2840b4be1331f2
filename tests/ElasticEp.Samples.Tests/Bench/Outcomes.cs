using ElasticEp.Samples.Bench.Measuring;

namespace ElasticEp.Samples.Tests.Bench;

/// <summary>Outcomes of requests, made by hand.</summary>
internal static class Outcomes
{
    /// <summary>A request whose pieces, of one token each, came at these times.</summary>
    public static RequestOutcome Succeeded(double start, params double[] times) => new()
    {
        Start = start,
        InputTokens = 10,
        OutputTokens = times.Length,
        Chunks = [.. times.Select(time => new ChunkArrival(time, 1))],
    };

    public static RequestOutcome Failed(double start, params double[] times) => Succeeded(start, times) with { Error = "cut" };
}
