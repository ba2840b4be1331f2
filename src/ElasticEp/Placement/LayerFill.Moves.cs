namespace ElasticEp.Placement;

internal sealed partial class LayerFill
{
    /// <summary>Copies that are no longer wanted go from the ranks that hold most beyond their seats.</summary>
    private void DropSurplus(int[] wanted, int[] seats)
    {
        for (var expert = 0; expert < _experts; expert++)
        {
            while (_copies[expert] > wanted[expert])
            {
                var fullest = -1;
                for (var index = 0; index < _ranks.Count; index++)
                {
                    if (_holds[index][expert] && (fullest < 0 || _count[index] - seats[index] >= _count[fullest] - seats[fullest]))
                        fullest = index;
                }

                Remove(fullest, expert);
            }
        }
    }

    /// <summary>An expert without a copy goes to the emptiest rank; a second copy of another one makes room if it must.</summary>
    private void CoverMissing()
    {
        for (var expert = 0; expert < _experts; expert++)
        {
            if (_copies[expert] > 0)
                continue;
            var index = Emptiest(expert);
            if (index < 0)
                index = MakeRoom();
            if (index < 0)
                throw NoRoomToReceive();
            Add(index, expert);
        }
    }

    /// <summary>The fullest ranks give to the emptiest until each has its seats.</summary>
    private void LevelOut()
    {
        while (true)
        {
            var (giver, taker) = (Fullest(), Emptiest(-1));
            if (giver < 0)
                return;
            var expert = taker < 0 ? -1 : Movable(giver, taker);
            if (expert >= 0)
            {
                Remove(giver, expert);
                Add(taker, expert);
                continue;
            }

            if (_count[giver] <= _ranks[giver].Slots)
                return;
            var spareCopy = LastHeld(giver, candidate => _copies[candidate] > 1);
            if (spareCopy < 0)
                throw NoRoomToReceive();
            Remove(giver, spareCopy);
        }
    }

    private void AddReplicas(int[] wanted)
    {
        foreach (var expert in Enumerable.Range(0, _experts).OrderByDescending(expert => wanted[expert]))
        {
            while (_copies[expert] < wanted[expert])
            {
                var index = Emptiest(expert);
                if (index < 0)
                    index = Exchange(expert, mayMoveKept: false);
                if (index < 0)
                    index = Exchange(expert, mayMoveKept: true);
                if (index < 0)
                    break; // It fits only after old copies have gone; a later plan adds it.
                Add(index, expert);
            }
        }
    }

    /// <summary>
    /// Every rank with a free seat holds the expert already: another rank passes one of its own to such a seat, and takes the
    /// expert instead. With seats that differ by at most one there always is such a pair.
    /// </summary>
    /// <returns>The rank that now has room for the expert, or −1.</returns>
    private int Exchange(int expert, bool mayMoveKept)
    {
        for (var taker = 0; taker < _ranks.Count; taker++)
        {
            if (!HasSeat(taker))
                continue;
            for (var giver = 0; giver < _ranks.Count; giver++)
            {
                if (_holds[giver][expert] || (mayMoveKept && _incoming[giver] <= 0))
                    continue;
                var passed = LastHeld(giver, candidate => !_holds[taker][candidate] && _isKept[giver][candidate] == mayMoveKept);
                if (passed < 0)
                    continue;
                Remove(giver, passed);
                Add(taker, passed);
                return giver;
            }
        }

        return -1;
    }

    private int MakeRoom()
    {
        for (var index = 0; index < _ranks.Count; index++)
        {
            if (_incoming[index] <= 0)
                continue;
            if (_count[index] < Math.Min(_ranks[index].Slots, _experts))
                return index;
            var spareCopy = LastHeld(index, candidate => _copies[candidate] > 1);
            if (spareCopy < 0)
                continue;
            Remove(index, spareCopy);
            return index;
        }

        return -1;
    }

    private bool HasSeat(int index) => _count[index] < _seats[index] && _incoming[index] > 0;

    private int Emptiest(int expert)
    {
        var emptiest = -1;
        for (var index = 0; index < _ranks.Count; index++)
        {
            if (!HasSeat(index) || (expert >= 0 && _holds[index][expert]))
                continue;
            if (emptiest < 0 || _seats[index] - _count[index] > _seats[emptiest] - _count[emptiest])
                emptiest = index;
        }

        return emptiest;
    }

    private int Fullest()
    {
        var fullest = -1;
        for (var index = 0; index < _ranks.Count; index++)
        {
            if (_count[index] > _seats[index] && (fullest < 0 || _count[index] - _seats[index] > _count[fullest] - _seats[fullest]))
                fullest = index;
        }

        return fullest;
    }

    /// <summary>From the back, so that the low slots stay as they are.</summary>
    private int Movable(int giver, int taker)
    {
        for (var slot = _slots[giver].Length - 1; slot >= 0; slot--)
        {
            var expert = _slots[giver][slot];
            if (expert >= 0 && !_holds[taker][expert])
                return expert;
        }

        return LastHeld(giver, candidate => !_holds[taker][candidate]);
    }

    private int LastHeld(int index, Func<int, bool> isFit)
    {
        for (var expert = _experts - 1; expert >= 0; expert--)
        {
            if (_holds[index][expert] && isFit(expert))
                return expert;
        }

        return -1;
    }

    private ElasticEpException NoRoomToReceive()
    {
        var missing = _copies.Count(copies => copies == 0);
        return new ElasticEpException(
            ElasticEpErrorCode.ImpossibleGroup,
            $"In layer {_layer}, {missing} of {_experts} experts have no copy yet, and the {_ranks.Count} ranks with {_ranks.Sum(rank => rank.Slots)} slots have no free buffer left to receive them while their slots are in use; raise SpareExperts, or resize in smaller steps.");
    }
}
