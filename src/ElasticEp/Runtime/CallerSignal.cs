namespace ElasticEp.Runtime;

/// <summary>What RunStepAsync is to do: run an attempt, or return.</summary>
internal readonly record struct CallerSignal(bool IsRun, Exchange.ExchangeStep? Step, bool Result, Exception? Failure);
