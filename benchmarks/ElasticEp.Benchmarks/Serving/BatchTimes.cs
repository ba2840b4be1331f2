namespace ElasticEp.Benchmarks.Serving;

/// <summary>How fast a batch was.</summary>
/// <param name="Prefill">Prompt tokens a second, until every sequence has its first token.</param>
/// <param name="Decode">Tokens a second after the first ones.</param>
internal readonly record struct BatchTimes(double Prefill, double Decode)
{
    public static BatchTimes Of(BatchShape shape, long startedAt, SequenceBatch batch, TimeProvider time) => new(
        shape.Sequences * shape.PromptLength / time.GetElapsedTime(startedAt, batch.PromptsDoneAt).TotalSeconds,
        shape.Sequences * (shape.OutputLength - 1) / time.GetElapsedTime(batch.PromptsDoneAt, batch.DoneAt).TotalSeconds);
}
