namespace ElasticEp.Weights;

/// <summary>The weights of one expert in one slot: its parts, in the order in which the workload described them.</summary>
public readonly struct ExpertWeights
{
    private readonly EpBuffer[]? _parts;

    internal ExpertWeights(EpBuffer[] parts) => _parts = parts;

    /// <summary>Whether there is no expert in the slot, or it is not here yet.</summary>
    internal bool IsMissing => _parts is null;

    /// <summary>Number of parts.</summary>
    public int Count => _parts?.Length ?? 0;

    /// <summary>One part.</summary>
    public EpBuffer this[int part] => _parts![part];
}
