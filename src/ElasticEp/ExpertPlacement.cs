namespace ElasticEp;

/// <summary>
/// Which logical expert each slot of each rank holds, per MoE layer. Immutable. A slot holds −1 when it is empty. Ranks may have
/// different numbers of slots.
/// </summary>
public sealed class ExpertPlacement
{
    private readonly int[] _ranks;
    private readonly int[][][] _slots; // [layer][index of rank][slot]
    private readonly ExpertReplica[][] _replicas; // [layer]: the copies of expert 0, then of expert 1, …
    private readonly int[][] _starts; // [layer][expert]: where its copies begin; the last one is where they end
    private byte[]? _encoded;

    /// <summary>Creates a placement.</summary>
    /// <param name="experts">Logical experts of each layer.</param>
    /// <param name="ranks">The ranks, ascending.</param>
    /// <param name="slots">Logical expert or −1, as <c>[layer][index into ranks][slot]</c>; copied.</param>
    /// <exception cref="ArgumentException">Ranks are not ascending, a row is missing, or an expert is out of range.</exception>
    public ExpertPlacement(int experts, IReadOnlyList<int> ranks, IReadOnlyList<IReadOnlyList<IReadOnlyList<int>>> slots)
    {
        ArgumentNullException.ThrowIfNull(ranks);
        ArgumentNullException.ThrowIfNull(slots);
        Experts = experts;
        _ranks = [.. ranks];
        for (var i = 1; i < _ranks.Length; i++)
        {
            if (_ranks[i] <= _ranks[i - 1])
                throw new ArgumentException($"Ranks must ascend; rank {_ranks[i]} follows rank {_ranks[i - 1]}.", nameof(ranks));
        }

        _slots = new int[slots.Count][][];
        _replicas = new ExpertReplica[slots.Count][];
        _starts = new int[slots.Count][];
        for (var layer = 0; layer < slots.Count; layer++)
        {
            _slots[layer] = ReadLayer(layer, slots[layer]);
            (_replicas[layer], _starts[layer]) = FindReplicas(_slots[layer]);
        }
    }

    /// <summary>A placement without layers, ranks or experts.</summary>
    public static ExpertPlacement Empty { get; } = new(0, [], []);

    /// <summary>Number of MoE layers.</summary>
    public int Layers => _slots.Length;

    /// <summary>Logical experts of each layer.</summary>
    public int Experts { get; }

    /// <summary>The ranks that have slots, ascending.</summary>
    public ReadOnlySpan<int> Ranks => _ranks;

    /// <summary>The slots of one rank in one layer: logical expert, or −1 for an empty slot. Empty for an unknown rank.</summary>
    public ReadOnlySpan<int> GetSlots(int layer, int rank)
    {
        var index = Array.BinarySearch(_ranks, rank);
        return index < 0 ? [] : _slots[layer][index];
    }

    /// <summary>All copies of an expert, by ascending rank, then slot.</summary>
    public ReadOnlySpan<ExpertReplica> GetReplicas(int layer, int expert)
    {
        var starts = _starts[layer];
        return _replicas[layer].AsSpan(starts[expert]..starts[expert + 1]);
    }

    /// <summary>The first expert without a copy, or null when every expert of every layer has one.</summary>
    public (int Layer, int Expert)? FindMissing()
    {
        for (var layer = 0; layer < Layers; layer++)
        {
            for (var expert = 0; expert < Experts; expert++)
            {
                if (_starts[layer][expert] == _starts[layer][expert + 1])
                    return (layer, expert);
            }
        }

        return null;
    }

    /// <summary>
    /// Its encoding, made when it is asked for first and kept: every view, message and record that has this placement shares it. A large one
    /// takes a while, so whoever makes a placement for a mailbox to use asks for it.
    /// </summary>
    internal ReadOnlyMemory<byte> Encode() => _encoded ?? Interlocked.CompareExchange(ref _encoded, Protocol.ViewCodec.EncodePlacement(this), null) ?? _encoded;

    /// <summary>Whether every slot of every rank holds the same as in another placement.</summary>
    internal bool HasSameSlots(ExpertPlacement other) => this == other
        || (Layers == other.Layers && Ranks.SequenceEqual(other.Ranks)
            && _slots.Zip(other._slots).All(layers => layers.First.Zip(layers.Second).All(rows => rows.First.AsSpan().SequenceEqual(rows.Second))));

    /// <summary>The same placement without some ranks and what they hold.</summary>
    internal ExpertPlacement Without(IReadOnlyCollection<int> ranks)
    {
        if (ranks.Count == 0)
            return this;
        int[] kept = [.. Enumerable.Range(0, _ranks.Length).Where(index => !ranks.Contains(_ranks[index]))];
        return new ExpertPlacement(Experts, [.. kept.Select(index => _ranks[index])], [.. _slots.Select(layer => kept.Select(index => layer[index]).ToArray())]);
    }

    /// <summary>The same placement with the ranks of another one, which has as many layers, and what they hold.</summary>
    internal ExpertPlacement With(ExpertPlacement others)
    {
        int[] ranks = [.. _ranks.Concat(others._ranks).Order()];
        return new ExpertPlacement(Experts, ranks, [.. _slots.Select((rows, layer) => ranks.Select(rank => Array.BinarySearch(_ranks, rank) is var index and >= 0 ? rows[index] : others.GetSlots(layer, rank).ToArray()).ToArray())]);
    }

    private int[][] ReadLayer(int layer, IReadOnlyList<IReadOnlyList<int>> source)
    {
        if (source.Count != _ranks.Length)
            throw new ArgumentException($"Layer {layer} has slots for {source.Count} ranks; expected {_ranks.Length}.");
        var slots = new int[_ranks.Length][];
        for (var index = 0; index < slots.Length; index++)
        {
            slots[index] = [.. source[index]];
            for (var slot = 0; slot < slots[index].Length; slot++)
            {
                var expert = slots[index][slot];
                if (expert < -1 || expert >= Experts)
                    throw new ArgumentException($"Slot {slot} of rank {_ranks[index]} in layer {layer} names expert {expert}; there are {Experts}.");
            }
        }

        return slots;
    }

    /// <summary>Counts the copies of each expert, and then puts each where its expert's begin.</summary>
    private (ExpertReplica[] Replicas, int[] Starts) FindReplicas(int[][] slots)
    {
        var starts = new int[Experts + 1];
        foreach (var row in slots)
        {
            foreach (var expert in row)
            {
                if (expert >= 0)
                    starts[expert + 1]++;
            }
        }

        for (var expert = 0; expert < Experts; expert++)
            starts[expert + 1] += starts[expert];
        var replicas = new ExpertReplica[starts[Experts]];
        for (var index = slots.Length - 1; index >= 0; index--)
        {
            for (var slot = slots[index].Length - 1; slot >= 0; slot--)
            {
                // From the back: what was the end of an expert's copies becomes their beginning.
                if (slots[index][slot] is var expert and >= 0)
                    replicas[--starts[expert + 1]] = new ExpertReplica(_ranks[index], slot);
            }
        }

        starts.AsSpan(1).CopyTo(starts);
        starts[Experts] = replicas.Length;
        return (replicas, starts);
    }
}
