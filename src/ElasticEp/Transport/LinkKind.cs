namespace ElasticEp.Transport;

/// <summary>The three links of a pair of peers. Order holds within a link, never across links.</summary>
public enum LinkKind : byte
{
    /// <summary>Small messages: StepEnd, wake, heartbeats, operations, short app messages.</summary>
    Control = 0,

    /// <summary>Dispatch and combine rows of the step that runs.</summary>
    Data = 1,

    /// <summary>Weight chunks, paced so that a step never waits behind them, and long messages, which go before the chunks that wait.</summary>
    Weights = 2,
}
