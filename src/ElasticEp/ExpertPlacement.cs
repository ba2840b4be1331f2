using ElasticEp.Placement;

namespace ElasticEp;

/// <summary>
/// Which logical expert each slot of each rank holds, per MoE layer, and which of the copies are active. Immutable. A slot holds −1 when it
/// is empty. Ranks may have different numbers of slots. Rows are sent to active copies only; every expert with copies has an active one.
/// </summary>
public sealed class ExpertPlacement
{
    private readonly int[] _ranks;
    private readonly int[][][] _slots; // [layer][index of rank][slot]
    private readonly bool[][][]? _passive; // likewise; null when every copy is active
    private readonly ReplicaTable[] _replicas; // [layer]
    private readonly ReplicaTable[] _active; // [layer]; the same when every copy is active
    private byte[]? _encoded;

    /// <summary>Creates a placement in which every copy is active.</summary>
    /// <param name="experts">Logical experts of each layer.</param>
    /// <param name="ranks">The ranks, ascending.</param>
    /// <param name="slots">Logical expert or −1, as <c>[layer][index into ranks][slot]</c>; copied.</param>
    /// <exception cref="ArgumentException">Ranks are not ascending, a row is missing, or an expert is out of range.</exception>
    public ExpertPlacement(int experts, IReadOnlyList<int> ranks, IReadOnlyList<IReadOnlyList<IReadOnlyList<int>>> slots)
        : this(experts, CopyRanks(ranks), CopySlots(experts, ranks, slots))
    {
    }

    /// <summary>Takes what is checked already; every copy is active.</summary>
    private ExpertPlacement(int experts, int[] ranks, int[][][] slots)
    {
        Experts = experts;
        _ranks = ranks;
        _slots = slots;
        _replicas = _active = [.. slots.Select(layer => new ReplicaTable(experts, ranks, layer))];
    }

    /// <summary>The slots of another placement, with other copies passive; null for none.</summary>
    private ExpertPlacement(ExpertPlacement slots, bool[][][]? passive)
    {
        Experts = slots.Experts;
        _ranks = slots._ranks;
        _slots = slots._slots;
        _replicas = slots._replicas;
        _passive = passive;
        if (passive is null)
        {
            _active = _replicas;
            return;
        }

        _active = [.. _slots.Select((layer, number) => new ReplicaTable(Experts, _ranks, layer, passive[number]))];
        for (var layer = 0; layer < Layers; layer++)
        {
            for (var expert = 0; expert < Experts; expert++)
            {
                if (GetActiveReplicas(layer, expert).IsEmpty && !GetReplicas(layer, expert).IsEmpty)
                    throw new ArgumentException($"Every copy of expert {expert} in layer {layer} is passive; one must be active.");
            }
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

    /// <summary>Whether any copy is passive.</summary>
    internal bool HasPassive => _passive is not null;

    /// <summary>The slots of one rank in one layer: logical expert, or −1 for an empty slot. Empty for an unknown rank.</summary>
    public ReadOnlySpan<int> GetSlots(int layer, int rank)
    {
        var index = Array.BinarySearch(_ranks, rank);
        return index < 0 ? [] : _slots[layer][index];
    }

    /// <summary>All copies of an expert, active and passive, by ascending rank, then slot.</summary>
    public ReadOnlySpan<ExpertReplica> GetReplicas(int layer, int expert) => _replicas[layer].Of(expert);

    /// <summary>The copies of an expert that rows are sent to, by ascending rank, then slot; at least one if it has any.</summary>
    public ReadOnlySpan<ExpertReplica> GetActiveReplicas(int layer, int expert) => _active[layer].Of(expert);

    /// <summary>Whether a slot holds a copy that rows are sent to. False for a passive copy, an empty slot, and one that is not there.</summary>
    public bool IsActive(int layer, int rank, int slot)
    {
        var index = Array.BinarySearch(_ranks, rank);
        return index >= 0 && (uint)slot < (uint)_slots[layer][index].Length && _slots[layer][index][slot] >= 0 && _passive?[layer][index][slot] != true;
    }

    /// <summary>The first expert without a copy, or null when every expert of every layer has one.</summary>
    public (int Layer, int Expert)? FindMissing()
    {
        for (var layer = 0; layer < Layers; layer++)
        {
            for (var expert = 0; expert < Experts; expert++)
            {
                if (GetReplicas(layer, expert).IsEmpty)
                    return (layer, expert);
            }
        }

        return null;
    }

    /// <summary>
    /// The same slots with exactly these copies passive: they are held, and no rows are sent to them until a view activates them, as that of a
    /// recovery does with one of an expert that has lost all its active copies. For copies that are only there in case ranks are lost.
    /// </summary>
    /// <param name="copies">The passive copies, each with its layer.</param>
    /// <exception cref="ArgumentException">A slot holds no copy, or an expert would have copies and no active one.</exception>
    public ExpertPlacement WithPassive(IEnumerable<(int Layer, ExpertReplica Copy)> copies)
    {
        ArgumentNullException.ThrowIfNull(copies);
        bool[][][] passive = [.. _slots.Select(layer => layer.Select(row => new bool[row.Length]).ToArray())];
        foreach (var (layer, copy) in copies)
        {
            if ((uint)layer >= (uint)Layers || !IsHeld(layer, copy))
                throw new ArgumentException($"Slot {copy.Slot} of rank {copy.Rank} in layer {layer} holds no copy that could be passive.", nameof(copies));
            passive[layer][Array.BinarySearch(_ranks, copy.Rank)][copy.Slot] = true;
        }

        return WithPassiveSlots(passive);
    }

    /// <summary>The same for all slots at once.</summary>
    /// <param name="passive">Which copies are passive, as <c>[layer][index into ranks][slot]</c>; false for empty slots.</param>
    /// <exception cref="ArgumentException">An expert would have copies and no active one.</exception>
    internal ExpertPlacement WithPassiveSlots(bool[][][] passive) =>
        Array.Exists(passive, layer => Array.Exists(layer, row => row.Contains(true)))
        ? new ExpertPlacement(this, passive)
        : HasPassive ? new ExpertPlacement(this, null)
        : this;

    /// <summary>Which slots of one rank in one layer hold passive copies. Empty for an unknown rank, and when every copy is active.</summary>
    internal ReadOnlySpan<bool> GetPassiveSlots(int layer, int rank)
    {
        var index = Array.BinarySearch(_ranks, rank);
        return index < 0 || _passive is null ? [] : _passive[layer][index];
    }

    /// <summary>
    /// Its encoding, made when it is asked for first and kept: every view, message and record that has this placement shares it. A large one
    /// takes a while to make, so whoever makes a placement for a mailbox to use asks for it.
    /// </summary>
    internal ReadOnlyMemory<byte> Encode() => _encoded ?? Interlocked.CompareExchange(ref _encoded, Protocol.ViewCodec.EncodePlacement(this), null) ?? _encoded;

    /// <summary>Whether every slot of every rank holds the same as in another placement, whichever copies are active.</summary>
    internal bool HasSameSlots(ExpertPlacement other) => this == other
        || (Layers == other.Layers && Ranks.SequenceEqual(other.Ranks)
            && _slots.Zip(other._slots).All(layers => layers.First.Zip(layers.Second).All(rows => rows.First.AsSpan().SequenceEqual(rows.Second))));

    /// <summary>The same placement without some ranks and what they hold. Of an expert that only passive copies are left of, one is active: see <see cref="PassiveCopies"/>.</summary>
    internal ExpertPlacement Without(IReadOnlyCollection<int> ranks)
    {
        if (ranks.Count == 0)
            return this;
        int[] kept = [.. Enumerable.Range(0, _ranks.Length).Where(index => !ranks.Contains(_ranks[index]))];
        var left = new ExpertPlacement(Experts, [.. kept.Select(index => _ranks[index])], [.. _slots.Select(layer => kept.Select(index => layer[index]).ToArray())]);
        return PassiveCopies.CarryOver(left, this);
    }

    /// <summary>The same placement with the ranks of another one, which has as many layers, and what they hold.</summary>
    internal ExpertPlacement With(ExpertPlacement others)
    {
        int[] ranks = [.. _ranks.Concat(others._ranks).Order()];
        var both = new ExpertPlacement(Experts, ranks, [.. _slots.Select((rows, layer) => ranks.Select(rank => Array.BinarySearch(_ranks, rank) is var index and >= 0 ? rows[index] : others.GetSlots(layer, rank).ToArray()).ToArray())]);
        return PassiveCopies.CarryOver(both, this, others);
    }

    private bool IsHeld(int layer, ExpertReplica copy)
    {
        var slots = GetSlots(layer, copy.Rank);
        return (uint)copy.Slot < (uint)slots.Length && slots[copy.Slot] >= 0;
    }

    private static int[] CopyRanks(IReadOnlyList<int> ranks)
    {
        ArgumentNullException.ThrowIfNull(ranks);
        for (var i = 1; i < ranks.Count; i++)
        {
            if (ranks[i] <= ranks[i - 1])
                throw new ArgumentException($"Ranks must ascend; rank {ranks[i]} follows rank {ranks[i - 1]}.", nameof(ranks));
        }

        return [.. ranks];
    }

    private static int[][][] CopySlots(int experts, IReadOnlyList<int> ranks, IReadOnlyList<IReadOnlyList<IReadOnlyList<int>>> slots)
    {
        ArgumentNullException.ThrowIfNull(slots);
        return [.. slots.Select((layer, number) => CopyLayer(experts, ranks, number, layer))];
    }

    private static int[][] CopyLayer(int experts, IReadOnlyList<int> ranks, int layer, IReadOnlyList<IReadOnlyList<int>> source)
    {
        if (source.Count != ranks.Count)
            throw new ArgumentException($"Layer {layer} has slots for {source.Count} ranks; expected {ranks.Count}.");
        var slots = new int[ranks.Count][];
        for (var index = 0; index < slots.Length; index++)
        {
            slots[index] = [.. source[index]];
            for (var slot = 0; slot < slots[index].Length; slot++)
            {
                var expert = slots[index][slot];
                if (expert < -1 || expert >= experts)
                    throw new ArgumentException($"Slot {slot} of rank {ranks[index]} in layer {layer} names expert {expert}; there are {experts}.");
            }
        }

        return slots;
    }
}
