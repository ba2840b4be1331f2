using System.Numerics;

namespace ElasticEp.Placement;

/// <summary>Who holds what in one layer, and one stage's worth of progress from there.</summary>
internal sealed class LayerStage
{
    private readonly StageRanks _ranks;
    private readonly BitRows _wants;
    private readonly int _ranksCount;
    private readonly int[] _count;     // experts of each rank
    private readonly int[] _free;      // buffers that each rank can still fill in this stage
    private readonly int[] _copies;    // of each expert, on the members of the stage
    private readonly int _experts;
    private readonly HashSet<(int Rank, int Expert)> _tried = [];
    private readonly HashSet<(int Rank, int Expert)> _received = []; // in this stage: neither sent on nor withdrawn in it
    private readonly List<(int Rank, int Expert)> _done = []; // received or given up in this stage, in order
    private readonly List<(int Expert, int Rank)> _pending = [];
    private readonly bool[] _wasPresent; // [expert]: before this stage
    private bool[] _members = [];

    public LayerStage(StageRanks ranks, int experts, BitRows wants, BitRows holds)
    {
        _ranks = ranks;
        _wants = wants;
        Holds = holds;
        _experts = experts;
        _ranksCount = ranks.Ranks.Length;
        _count = [.. Enumerable.Range(0, _ranksCount).Select(holds.Count)];
        _free = new int[_ranksCount];
        _copies = new int[_experts];
        _wasPresent = new bool[_experts];
    }

    /// <summary>What each rank holds.</summary>
    public BitRows Holds { get; }

    /// <summary>Whether the last stage left a copy of everything that had one before it.</summary>
    public bool IsCovered
    {
        get
        {
            for (var expert = 0; expert < _experts; expert++)
            {
                if (_wasPresent[expert] && _copies[expert] == 0)
                    return false;
            }

            return true;
        }
    }

    /// <summary>Experts that the rank still lacks.</summary>
    public int Pending(int rank) => _wants.CountMissing(Holds, rank);

    /// <summary>Buffers that the rank does not use.</summary>
    public int Free(int rank) => Math.Max(0, _ranks.Slots[rank] + _ranks.Spares[rank] - _count[rank]);

    /// <summary>The first rank that lacks more than it has free buffers, or −1.</summary>
    public int FindShort()
    {
        for (var rank = 0; rank < _ranksCount; rank++)
        {
            if (_ranks.IsNew[rank] && Pending(rank) is var pending and > 0 && pending > Free(rank))
                return rank;
        }

        return -1;
    }

    /// <summary>
    /// Members of this stage receive what they can, first what nobody of them has, and give up what they need not hold as far as that
    /// frees buffers and another copy stays. Others hold nothing from now on.
    /// </summary>
    /// <returns>Whether anything has changed.</returns>
    public bool Advance(bool[] members)
    {
        Begin(members);
        var hasChanged = false;
        for (var pass = 0; pass < 2; pass++)
        {
            ListPending();
            foreach (var (expert, rank) in _pending)
            {
                if (!CanWant(rank, expert) || (pass == 0 && _copies[expert] > 0))
                    continue;
                _tried.Clear();
                hasChanged |= Receive(rank, expert);
            }
        }

        for (var rank = 0; rank < _ranksCount; rank++)
            hasChanged |= Withdraw(rank);
        return hasChanged;
    }

    /// <summary>What members lack, expert by expert. What is received meanwhile is lacked no more; what a rank wants it never gives up.</summary>
    private void ListPending()
    {
        _pending.Clear();
        for (var rank = 0; rank < _ranksCount; rank++)
        {
            for (var expert = _members[rank] ? _wants.NextMissing(Holds, rank, 0) : -1; expert >= 0; expert = _wants.NextMissing(Holds, rank, expert + 1))
                _pending.Add((expert, rank));
        }

        _pending.Sort();
    }

    private void Begin(bool[] members)
    {
        _members = members;
        _received.Clear();
        _done.Clear();
        Array.Clear(_copies);
        for (var rank = 0; rank < _ranksCount; rank++)
            CountCopies(rank);
        for (var expert = 0; expert < _experts; expert++)
            _wasPresent[expert] = _copies[expert] > 0;
        Array.Clear(_copies);
        for (var rank = 0; rank < _ranksCount; rank++)
        {
            if (!members[rank])
            {
                Holds.Of(rank).Clear();
                _count[rank] = 0;
            }

            _free[rank] = Free(rank);
            CountCopies(rank);
        }
    }

    private void CountCopies(int rank)
    {
        var held = Holds.Of(rank);
        for (var word = 0; word < held.Length; word++)
        {
            for (var rest = held[word]; rest != 0; rest &= rest - 1)
                _copies[(word << 6) + BitOperations.TrailingZeroCount(rest)]++;
        }
    }

    private bool CanWant(int rank, int expert) => _members[rank] && _wants[rank, expert] && !Holds[rank, expert];

    /// <summary>
    /// A rank receives an expert; when its slots are full it gives one up for it, which another rank may have to receive first, and so on
    /// along the graph of moves until a free slot or the beginning closes the chain.
    /// </summary>
    private bool Receive(int rank, int expert)
    {
        if (_free[rank] == 0 || !_tried.Add((rank, expert)))
            return false;
        var mark = _done.Count;
        Do(rank, expert, true);
        if (_count[rank] <= _ranks.Slots[rank] || GiveUpOne(rank) || PassOn(rank))
            return true;
        while (_done.Count > mark)
            UndoLast();
        return false;
    }

    private bool GiveUpOne(int rank)
    {
        var most = -1;
        for (var expert = Holds.NextMissing(_wants, rank, 0); expert >= 0; expert = Holds.NextMissing(_wants, rank, expert + 1))
        {
            if (CanGiveUp(rank, expert) && _copies[expert] > 1 && (most < 0 || _copies[expert] > _copies[most]))
                most = expert;
        }

        if (most >= 0)
            Do(rank, most, false);
        return most >= 0;
    }

    private bool PassOn(int rank)
    {
        for (var expert = Holds.NextMissing(_wants, rank, 0); expert >= 0; expert = Holds.NextMissing(_wants, rank, expert + 1))
        {
            for (var taker = 0; taker < _ranksCount && CanGiveUp(rank, expert); taker++)
            {
                if (!CanWant(taker, expert) || !Receive(taker, expert))
                    continue;
                if (Holds[rank, expert])
                    Do(rank, expert, false);
                if (_count[rank] <= _ranks.Slots[rank])
                    return true; // Otherwise the chain came by here a second time.
            }
        }

        return false;
    }

    private bool CanGiveUp(int rank, int expert) => Holds[rank, expert] && !_wants[rank, expert] && !_received.Contains((rank, expert));

    /// <summary>Replicas that the rank need not hold make room for what it lacks.</summary>
    private bool Withdraw(int rank)
    {
        var hasChanged = false;
        while (_members[rank] && _ranks.IsNew[rank] && Pending(rank) > Free(rank) && GiveUpOne(rank))
            hasChanged = true;
        return hasChanged;
    }

    private void Do(int rank, int expert, bool isReceived)
    {
        _done.Add((rank, expert));
        Hold(rank, expert, isReceived);
        if (!isReceived)
            return;
        _free[rank]--;
        _received.Add((rank, expert));
    }

    private void UndoLast()
    {
        var (rank, expert) = _done[^1];
        _done.RemoveAt(_done.Count - 1);
        var wasReceived = Holds[rank, expert];
        Hold(rank, expert, !wasReceived);
        if (!wasReceived)
            return;
        _free[rank]++;
        _received.Remove((rank, expert));
    }

    private void Hold(int rank, int expert, bool isHeld)
    {
        Holds[rank, expert] = isHeld;
        _count[rank] += isHeld ? 1 : -1;
        _copies[expert] += isHeld ? 1 : -1;
    }
}
