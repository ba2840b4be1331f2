using System.Diagnostics;

namespace ElasticEp.Benchmarks.Serving;

/// <summary>How fast a batch was.</summary>
/// <param name="Prefill">Prompt tokens a second, until every sequence has its first token.</param>
/// <param name="Decode">Tokens a second after the first ones.</param>
/// <param name="Processor">Processor time of this process for the whole batch, in seconds: what other processes do does not show in it.</param>
internal readonly record struct BatchTimes(double Prefill, double Decode, double Processor)
{
    public static BatchTimes Of(BatchShape shape, BatchStart start, SequenceBatch batch) => new(
        shape.Sequences * shape.PromptLength / Stopwatch.GetElapsedTime(start.At, batch.PromptsDoneAt).TotalSeconds,
        shape.Sequences * (shape.OutputLength - 1) / Stopwatch.GetElapsedTime(batch.PromptsDoneAt, batch.DoneAt).TotalSeconds,
        (Environment.CpuUsage.TotalTime - start.Processor).TotalSeconds);
}
