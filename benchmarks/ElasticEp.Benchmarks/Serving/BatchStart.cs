using System.Diagnostics;

namespace ElasticEp.Benchmarks.Serving;

/// <summary>The beginning of a batch.</summary>
/// <param name="At">Timestamp.</param>
/// <param name="Processor">Processor time of this process until then.</param>
internal readonly record struct BatchStart(long At, TimeSpan Processor)
{
    public static BatchStart Now => new(Stopwatch.GetTimestamp(), Environment.CpuUsage.TotalTime);
}
