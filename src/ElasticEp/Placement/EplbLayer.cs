namespace ElasticEp.Placement;

/// <summary>One layer of <see cref="EplbAlgorithm"/>, with memory that all layers share.</summary>
internal readonly ref struct EplbLayer
{
    private readonly int _experts;
    private readonly int _slots;
    private readonly int _groups;
    private readonly int _nodes;
    private readonly int _ranks;
    private readonly Span<float> _groupWeight;
    private readonly Span<float> _nodeMajorWeight; // loads in the order in which the nodes hold the experts
    private readonly Span<float> _perReplica;
    private readonly Span<float> _slotWeight;
    private readonly Span<float> _packWeight;
    private readonly Span<int> _groupNode;
    private readonly Span<int> _groupPlace;
    private readonly Span<int> _logical;           // node-major → expert
    private readonly Span<int> _counts;
    private readonly Span<int> _replicaExpert;
    private readonly Span<int> _replicaNumber;
    private readonly Span<int> _pack;
    private readonly Span<int> _place;
    private readonly Span<int> _packItems;
    private readonly Span<ulong> _order;

    public EplbLayer(Span<float> floats, Span<int> ints, Span<ulong> order, int experts, int slots, int groups, int nodes, int ranks)
    {
        (_experts, _slots, _groups, _nodes, _ranks) = (experts, slots, groups, nodes, ranks);
        _groupWeight = Take(ref floats, groups);
        _nodeMajorWeight = Take(ref floats, experts);
        _perReplica = Take(ref floats, experts);
        _slotWeight = Take(ref floats, slots);
        _packWeight = floats;
        _groupNode = Take(ref ints, groups);
        _groupPlace = Take(ref ints, groups);
        _logical = Take(ref ints, experts);
        _counts = Take(ref ints, experts);
        _replicaExpert = Take(ref ints, slots);
        _replicaNumber = Take(ref ints, slots);
        _pack = Take(ref ints, slots);
        _place = Take(ref ints, slots);
        _packItems = ints;
        _order = order;
    }

    /// <param name="weight">Load of each expert.</param>
    /// <param name="physicalToLogical">Gets the expert of each slot.</param>
    /// <param name="replicaOfSlot">Gets which replica of its expert each slot holds.</param>
    /// <param name="replicas">Gets the copies of each expert.</param>
    public void Plan(ReadOnlySpan<float> weight, Span<int> physicalToLogical, Span<int> replicaOfSlot, Span<int> replicas)
    {
        PackGroups(weight);
        var (expertsPerNode, slotsPerNode, ranksPerNode, slotsPerRank) = (_experts / _nodes, _slots / _nodes, _ranks / _nodes, _slots / _ranks);
        for (var node = 0; node < _nodes; node++)
        {
            var loads = _nodeMajorWeight.Slice(node * expertsPerNode, expertsPerNode);
            var logical = _logical.Slice(node * expertsPerNode, expertsPerNode);
            var replicaExpert = _replicaExpert[..slotsPerNode];
            var slotWeight = _slotWeight[..slotsPerNode];
            EplbPacking.Replicate(loads, replicaExpert, _replicaNumber, _counts, _perReplica);
            for (var replica = 0; replica < slotsPerNode; replica++)
                slotWeight[replica] = _perReplica[replicaExpert[replica]];
            EplbPacking.Pack(slotWeight, ranksPerNode, _pack, _place, _order, _packWeight, _packItems);
            for (var replica = 0; replica < slotsPerNode; replica++)
            {
                var slot = (node * slotsPerNode) + (_pack[replica] * slotsPerRank) + _place[replica];
                physicalToLogical[slot] = logical[replicaExpert[replica]];
                replicaOfSlot[slot] = _replicaNumber[replica];
            }

            for (var expert = 0; expert < expertsPerNode; expert++)
                replicas[logical[expert]] = _counts[expert];
        }
    }

    private static Span<T> Take<T>(scoped ref Span<T> rest, int length)
    {
        var taken = rest[..length];
        rest = rest[length..];
        return taken;
    }

    private void PackGroups(ReadOnlySpan<float> weight)
    {
        var (size, perNode) = (_experts / _groups, _groups / _nodes);
        for (var group = 0; group < _groups; group++)
        {
            var sum = 0f;
            foreach (var load in weight.Slice(group * size, size))
                sum += load;
            _groupWeight[group] = sum;
        }

        EplbPacking.Pack(_groupWeight, _nodes, _groupNode, _groupPlace, _order, _packWeight, _packItems);
        for (var group = 0; group < _groups; group++)
        {
            var first = ((_groupNode[group] * perNode) + _groupPlace[group]) * size;
            for (var member = 0; member < size; member++)
            {
                _logical[first + member] = (group * size) + member;
                _nodeMajorWeight[first + member] = weight[(group * size) + member];
            }
        }
    }
}
