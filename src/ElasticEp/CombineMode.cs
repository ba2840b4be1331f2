namespace ElasticEp;

/// <summary>How the outputs of a token's experts come back.</summary>
public enum CombineMode : byte
{
    /// <summary>
    /// Every expert's row returns on its own and the owner of the token sums them in top-k order: the result has the
    /// same bits for every number of ranks, placement, transport and retry.
    /// </summary>
    Exact = 0,

    /// <summary>Each rank returns one row per token, already summed over its experts: fewer bytes, other rounding.</summary>
    PreReduced = 1,
}
