namespace ElasticEp.Placement;

/// <summary>
/// One layer of <see cref="KeepAndFill"/> while it is being planned. A rank <em>keeps</em> what it holds now and <em>receives</em>
/// the rest; it can receive only into buffers that the placement in use leaves free.
/// </summary>
internal sealed partial class LayerFill
{
    private readonly int _layer;
    private readonly int _experts;
    private readonly IReadOnlyList<RankCapacity> _ranks;
    private readonly int[][] _slots;     // [index of rank][slot]: expert or −1
    private readonly bool[][] _holds;    // [index of rank][expert]
    private readonly bool[][] _isKept;   // [index of rank][expert]
    private readonly Dictionary<int, int>[] _before; // [index of rank]: expert → slot in the placement in use
    private readonly int[] _count;       // experts on each rank
    private readonly int[] _incoming;    // experts that each rank can still receive
    private readonly int[] _copies;      // copies of each expert
    private int[] _seats = [];

    public LayerFill(PlacementRequest request, int layer)
    {
        _layer = layer;
        _experts = request.Experts;
        _ranks = request.Ranks;
        _slots = [.. _ranks.Select(rank => Filled(rank.Slots))];
        _holds = [.. _ranks.Select(_ => new bool[_experts])];
        _isKept = [.. _ranks.Select(_ => new bool[_experts])];
        _before = [.. _ranks.Select(_ => new Dictionary<int, int>())];
        _count = new int[_ranks.Count];
        _incoming = new int[_ranks.Count];
        _copies = new int[_experts];
        for (var index = 0; index < _ranks.Count; index++)
            Keep(index, request.Current.Layers == 0 ? [] : request.Current.GetSlots(layer, _ranks[index].Rank));
        KeptCopies = [.. _copies];
    }

    /// <summary>Copies of each expert that exist already on these ranks.</summary>
    public int[] KeptCopies { get; }

    /// <summary>The planned slots, <c>[index of rank][slot]</c>.</summary>
    public int[][] Slots => _slots;

    /// <summary>Gives every expert its copies and every rank its seats.</summary>
    /// <param name="wanted">Copies that each expert is to have.</param>
    public void Fill(int[] wanted)
    {
        var total = wanted.Sum();
        var room = new int[_ranks.Count];
        for (var index = 0; index < room.Length; index++)
            room[index] = Math.Min(_ranks[index].Slots, _experts);
        DropSurplus(wanted, SeatCounts.Even(total, room, _count, _layer));
        for (var index = 0; index < room.Length; index++)
            room[index] = Math.Min(room[index], _count[index] + _incoming[index]);
        _seats = SeatCounts.Even(total, room, _count, _layer);
        CoverMissing();
        LevelOut();
        AddReplicas(wanted);
        AssignSlots();
    }

    /// <summary>Gives each rank a contiguous run of experts, when nobody holds any yet.</summary>
    public void FillContiguously(int[] wanted)
    {
        var room = _ranks.Select(rank => Math.Min(rank.Slots, _experts)).ToArray();
        var runs = SeatCounts.Even(_experts, room, _count, _layer);
        var expert = 0;
        for (var index = 0; index < runs.Length; index++)
        {
            for (var seat = 0; seat < runs[index]; seat++)
                Add(index, expert++);
        }

        _seats = SeatCounts.Even(wanted.Sum(), room, _count, _layer);
        AddReplicas(wanted);
        AssignSlots();
    }

    private static int[] Filled(int slots)
    {
        var filled = new int[slots];
        Array.Fill(filled, -1);
        return filled;
    }

    private void Keep(int index, ReadOnlySpan<int> current)
    {
        var used = 0;
        for (var slot = 0; slot < current.Length; slot++)
        {
            var expert = current[slot];
            if (expert < 0)
                continue;
            used++;
            if (_before[index].TryAdd(expert, slot))
                Add(index, expert);
        }

        _incoming[index] = Math.Max(0, _ranks[index].Slots - used + _ranks[index].SpareExperts);
    }

    private void Add(int index, int expert)
    {
        _holds[index][expert] = true;
        _count[index]++;
        _copies[expert]++;
        if (!_before[index].TryGetValue(expert, out var slot))
        {
            _incoming[index]--;
            return;
        }

        _isKept[index][expert] = true;
        if (slot < _slots[index].Length)
            _slots[index][slot] = expert; // Slots are given to others only at the end, so it is still free.
    }

    private void Remove(int index, int expert)
    {
        _holds[index][expert] = false;
        _count[index]--;
        _copies[expert]--;
        if (!_isKept[index][expert])
            _incoming[index]++;
        _isKept[index][expert] = false;
        var slot = Array.IndexOf(_slots[index], expert);
        if (slot >= 0)
            _slots[index][slot] = -1;
    }

    private void AssignSlots()
    {
        for (var index = 0; index < _ranks.Count; index++)
        {
            var slot = 0;
            for (var expert = 0; expert < _experts; expert++)
            {
                if (!_holds[index][expert] || Array.IndexOf(_slots[index], expert) >= 0)
                    continue;
                while (_slots[index][slot] >= 0)
                    slot++;
                _slots[index][slot] = expert;
            }
        }
    }
}
