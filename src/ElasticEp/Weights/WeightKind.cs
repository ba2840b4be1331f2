namespace ElasticEp.Weights;

/// <summary>The two kinds of weights that travel.</summary>
internal enum WeightKind : byte
{
    /// <summary>Memory that every rank holds alike.</summary>
    Dense = 0,

    /// <summary>One expert of one layer.</summary>
    Expert = 1,
}
